# Starting what the control plane is made of. Sourced, after env.sh, processes.sh and configure.sh.
# shellcheck shell=bash

# --- below OpenStack -------------------------------------------------------------------------------------

start_infrastructure() {
    start_mariadb
    start_rabbitmq
    start_openvswitch
    start_ovn
    await_port "$DB_PORT" mariadb 60
    say "database, queue and network run"
}

start_mariadb() {
    if [ ! -d "$VAR/db/mysql" ]; then
        mariadb-install-db --no-defaults --datadir="$VAR/db" --user=root --auth-root-authentication-method=normal \
            --skip-test-db >"$LOG/mariadb-install.log" 2>&1 || die "see $LOG/mariadb-install.log"
    fi
    # What is written here need not survive the machine: most of the time of `up` would be fsync.
    spawn mariadb mariadbd --no-defaults --user=root --default-time-zone=+00:00 --datadir="$VAR/db" \
        --socket="$RUN/mysql.sock" --pid-file="$VAR/mariadbd.pid" --bind-address=127.0.0.1 --port="$DB_PORT" \
        --character-set-server=utf8mb3 --max-connections=500 --skip-name-resolve --skip-log-bin \
        --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --innodb-buffer-pool-size=256M --performance-schema=0
}

start_rabbitmq() { # without plugins, and with a name server (epmd) of its own
    spawn rabbitmq env HOME="$VAR/rabbit" LC_ALL=C.UTF-8 ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$((AMQP_PORT + 1)) \
        RABBITMQ_NODENAME=osreal@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$AMQP_PORT" \
        RABBITMQ_DIST_PORT=$((AMQP_PORT + 2)) RABBITMQ_CONFIG_FILE="$VAR/rabbit/rabbitmq" \
        RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_ADVANCED_CONFIG_FILE="$VAR/rabbit/none" \
        RABBITMQ_MNESIA_BASE="$VAR/rabbit/mnesia" RABBITMQ_LOG_BASE="$LOG" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$VAR/rabbit/enabled_plugins" RABBITMQ_PID_FILE="$VAR/rabbit/server.pid" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none" \
        /usr/lib/rabbitmq/bin/rabbitmq-server
}

ovsdb() { # name database schema socket port
    [ -e "$VAR/ovs/$2.db" ] || ovsdb-tool create "$VAR/ovs/$2.db" "$3"
    spawn "$1" ovsdb-server "$VAR/ovs/$2.db" --remote="punix:$RUN/ovs/$4.sock" --remote="ptcp:$5:127.0.0.1" \
        --unixctl="$RUN/ovs/$1.ctl" --log-file="$LOG/$1.log" -vconsole:off
}

vsctl() { ovs-vsctl --db="tcp:127.0.0.1:$OVS_PORT" --timeout=20 "$@"; }

start_openvswitch() { # with its datapath in user space: no kernel module is needed
    ovsdb ovsdb-vswitch conf /usr/share/openvswitch/vswitch.ovsschema db "$OVS_PORT"
    await_port "$OVS_PORT" ovsdb-vswitch 15
    vsctl --no-wait init
    spawn ovs-vswitchd ovs-vswitchd --monitor "unix:$RUN/ovs/db.sock" --unixctl="$RUN/ovs/ovs-vswitchd.ctl" \
        --log-file="$LOG/ovs-vswitchd.log" -vconsole:off
    vsctl --no-wait set open . external-ids:system-id=osreal1 external-ids:hostname="$COMPUTE_HOST" \
        external-ids:ovn-remote="tcp:127.0.0.1:$SB_PORT" external-ids:ovn-encap-type=geneve \
        external-ids:ovn-encap-ip=127.0.0.1 external-ids:ovn-bridge-datapath-type=netdev \
        external-ids:ovn-cms-options=enable-chassis-as-gw external-ids:ovn-bridge-mappings=public:br-osreal
    vsctl --may-exist add-br br-osreal -- set bridge br-osreal datapath_type=netdev
    vsctl --may-exist add-br br-int -- set bridge br-int datapath_type=netdev fail-mode=secure \
        other-config:disable-in-band=true
}

start_ovn() {
    ovsdb ovsdb-nb nb /usr/share/ovn/ovn-nb.ovsschema nb "$NB_PORT"
    ovsdb ovsdb-sb sb /usr/share/ovn/ovn-sb.ovsschema sb "$SB_PORT"
    await_port "$NB_PORT" ovsdb-nb 15
    await_port "$SB_PORT" ovsdb-sb 15
    # An ovn-controller that meets an empty southbound database crashes.
    ovn-nbctl --db="unix:$RUN/ovs/nb.sock" --timeout=20 init
    ovn-sbctl --db="unix:$RUN/ovs/sb.sock" --timeout=20 init
    spawn ovn-northd ovn-northd --monitor --ovnnb-db="unix:$RUN/ovs/nb.sock" --ovnsb-db="unix:$RUN/ovs/sb.sock" \
        --unixctl="$RUN/ovs/ovn-northd.ctl" --log-file="$LOG/ovn-northd.log" -vconsole:off
    spawn ovn-controller ovn-controller --monitor "unix:$RUN/ovs/db.sock" --log-file="$LOG/ovn-controller.log" -vconsole:off
}

# --- the databases ---------------------------------------------------------------------------------------

keystone_manage() { "$BIN/keystone-manage" --config-file "$ETC/keystone/keystone.conf" "$@"; }
nova_manage() { "$BIN/nova-manage" --config-file "$ETC/nova/nova.conf" "$@"; }

init_databases() {
    local name
    for name in keystone placement glance nova nova_api nova_cell0 neutron; do
        sql -e "CREATE DATABASE IF NOT EXISTS $name CHARACTER SET utf8mb3"
    done
    sql -e "CREATE USER IF NOT EXISTS root@'127.0.0.1'; ALTER USER root@'127.0.0.1' IDENTIFIED BY '$OSREAL_PW';
        GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION"
    # Two halves of about the same length, for two cores.
    (set -e; init_keystone; init_placement_and_glance) >"$LOG/init-1.log" 2>&1 &
    local first=$!
    (set -e; init_nova; init_neutron) >"$LOG/init-2.log" 2>&1 &
    local second=$!
    wait "$first" || die "the databases of Keystone, Placement and Glance; see $LOG/init-1.log"
    wait "$second" || die "the databases of Nova and Neutron; see $LOG/init-2.log"
    say "databases are ready"
}

init_keystone() {
    local url="http://127.0.0.1:$KEYSTONE_PORT/v3"
    keystone_manage fernet_setup --keystone-user root --keystone-group root
    keystone_manage credential_setup --keystone-user root --keystone-group root
    keystone_manage db_sync
    keystone_manage bootstrap --bootstrap-password "$OSREAL_PW" --bootstrap-region-id "$OSREAL_REGION" \
        --bootstrap-public-url "$url" --bootstrap-internal-url "$url" --bootstrap-admin-url "$url"
}

init_placement_and_glance() {
    "$BIN/placement-manage" --config-file "$ETC/placement/placement.conf" db sync
    "$BIN/glance-manage" --config-file "$ETC/glance/glance-api.conf" db_sync
}

init_nova() {
    nova_manage api_db sync
    nova_manage cell_v2 map_cell0 --database_connection "$(database_url nova_cell0)"
    nova_manage db sync
    nova_manage cell_v2 create_cell --name=cell1 || [ $? = 2 ] # 2: an earlier try made it
}

init_neutron() {
    "$BIN/neutron-db-manage" --config-file "$ETC/neutron/neutron.conf" --config-file "$ETC/neutron/ml2_conf.ini" upgrade heads
}

init_cloud() { # identity | project: see init_cloud.py
    "$BIN/python" "$HERE/init_cloud.py" "$1" "$ETC/clouds.yaml" >>"$LOG/init_cloud.log" 2>&1 || {
        tail -n 20 "$LOG/init_cloud.log" >&2
        die "init_cloud.py $1"
    }
    say "$1 is ready"
}

# --- OpenStack -------------------------------------------------------------------------------------------

wsgi() { # name port module threads environment…
    local name=$1 port=$2 module=$3 threads=$4
    shift 4
    spawn "$name" env "$@" "$BIN/uwsgi" --http-socket "127.0.0.1:$port" --module "$module:application" --master \
        --processes 1 --threads "$threads" --enable-threads --lazy-apps --need-app --die-on-term --thunder-lock \
        --chunked-input-limit 268435456 --chunked-input-timeout 120 --buffer-size 65535 \
        --add-header "Connection: close" --procname-prefix "$name " --log-date --disable-logging \
        --logto "$LOG/$name.uwsgi.log"
}

start_keystone() {
    wsgi keystone "$KEYSTONE_PORT" keystone.wsgi.api 6 \
        OS_KEYSTONE_CONFIG_DIR="$ETC/keystone" OS_KEYSTONE_CONFIG_FILES=keystone.conf
    await_port "$KEYSTONE_PORT" keystone 60
}

start_services() { # they log in to Keystone when they start
    local paste="$OSREAL/venv/etc/nova/api-paste.ini"
    wsgi neutron "$NEUTRON_PORT" neutron.wsgi.api 8 OS_NEUTRON_CONFIG_DIR="$ETC" \
        OS_NEUTRON_CONFIG_FILES='neutron/neutron.conf;neutron/ml2_conf.ini;log-neutron.conf'
    wsgi nova-api "$NOVA_PORT" nova.wsgi.osapi_compute 8 OS_NOVA_CONFIG_DIR="$ETC" \
        OS_NOVA_CONFIG_FILES="$paste;nova/nova.conf;log-nova-api.conf"
    wsgi nova-metadata "$METADATA_PORT" nova.wsgi.metadata 4 OS_NOVA_CONFIG_DIR="$ETC" \
        OS_NOVA_CONFIG_FILES="$paste;nova/nova.conf;log-nova-metadata.conf"
    wsgi placement "$PLACEMENT_PORT" placement.wsgi.api 4 OS_PLACEMENT_CONFIG_DIR="$ETC/placement"
    wsgi glance "$GLANCE_PORT" glance.wsgi.api 4 OS_GLANCE_CONFIG_DIR="$ETC/glance"
    await_port "$AMQP_PORT" rabbitmq 60
    spawn nova-conductor "$BIN/nova-conductor" --config-file "$ETC/nova/nova.conf"
    spawn nova-scheduler "$BIN/nova-scheduler" --config-file "$ETC/nova/nova.conf"
}

start_compute() {
    if [ "$OSREAL_VIRT" = qemu ]; then
        start_libvirt
        start_metadata_agent
    fi
    # Nova loads drivers from its own package only.
    cp -u "$HERE/virt/osreal_virt.py" "$OSREAL"/venv/lib/python3*/site-packages/nova/virt/
    spawn nova-compute env OSREAL_CONSOLES="$VAR/consoles" OSREAL_KNOBS="$ETC/knobs.json" \
        "$BIN/nova-compute" --config-file "$ETC/nova/nova.conf"
}

start_libvirt() {
    if ! "$BIN/python" -c 'import libvirt' 2>/dev/null; then # of the library's own version, so not locked
        "$BIN/pip" install -q --no-deps "libvirt-python==$(pkg-config --modversion libvirt)" >>"$LOG/python.log" 2>&1 ||
            die "libvirt-python; see $LOG/python.log"
    fi
    mkdir -p "$RUN/libvirt" "$VAR/libvirt"
    configure_libvirt
    # The hypervisor's file is read from here only; `down` puts the machine's own back.
    [ -e /etc/libvirt/qemu.conf.osreal-orig ] || cp -a /etc/libvirt/qemu.conf /etc/libvirt/qemu.conf.osreal-orig
    cp "$ETC/libvirt/qemu.conf" /etc/libvirt/qemu.conf
    spawn libvirtd libvirtd --config "$ETC/libvirt/libvirtd.conf" --pid-file "$VAR/libvirt/libvirtd.pid"
    local deadline=$((SECONDS + 15))
    until [ -S "$RUN/libvirt/libvirt-sock" ]; do
        alive libvirtd && [ "$SECONDS" -lt "$deadline" ] || die "libvirtd has no socket; see $LOG/libvirtd.*"
        sleep 0.1
    done
}

start_metadata_agent() { # guests reach 169.254.169.254 through it
    configure_metadata_agent >"$ETC/neutron/ovn-agent.ini"
    spawn ovn-agent "$BIN/neutron-ovn-agent" --config-file "$ETC/neutron/ovn-agent.ini"
}

route_floating_ips() { # whatever is sent to them stays on this machine
    if [ "$OSREAL_VIRT" = fake ]; then
        ip route replace local "$OSREAL_FIP_NET.0/24" dev lo
        return
    fi
    # Where the bridge is missing, so is the way to them.
    ip route replace unreachable "$OSREAL_FIP_NET.0/24" metric 4000000
    ip addr replace "$OSREAL_FIP_NET.1/24" dev br-osreal
    ip link set br-osreal up
}

# --- and waiting for it ----------------------------------------------------------------------------------

await_compute() { # until Nova's services have reported, and the host is known to the scheduler
    local name deadline=$((SECONDS + 60))
    for name in nova-conductor nova-scheduler nova-compute; do
        until reported "$name"; do
            alive "$name" && [ "$SECONDS" -lt "$deadline" ] || {
                tail -n 20 "$LOG/$name.out" >&2
                die "$name does not report; see $LOG/$name.*"
            }
            sleep 0.3
        done
    done
    if [ "$(sql -N -e "SELECT COUNT(*) FROM nova_api.host_mappings WHERE host = '$COMPUTE_HOST'")" = 0 ]; then
        nova_manage cell_v2 discover_hosts >"$LOG/discover_hosts.log" 2>&1
    fi
}

reported() { # name: whether that service of Nova has told the database that it lives, since it was started
    local since
    since=$(stat -c %Y "$RUN/$1.pid")
    [ "$(sql -N -e "SELECT COUNT(*) FROM nova.services WHERE deleted = 0 AND host = '$COMPUTE_HOST'
        AND \`binary\` = '$1' AND updated_at > FROM_UNIXTIME($since)" 2>>"$LOG/up.log")" = 1 ]
}

check_all_run() {
    local file name
    for file in "$RUN"/*.pid; do
        name=$(basename "$file" .pid)
        alive "$name" || die "$name has ended; see $LOG/$name.*"
    done
    await_port "$METADATA_PORT" nova-metadata 60
}
