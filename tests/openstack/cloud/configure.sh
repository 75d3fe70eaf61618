# Writes the services' configuration files. Sourced, after env.sh.
# shellcheck shell=bash

configure() {
    mkdir -p "$ETC"/{keystone,nova,neutron,glance,placement} "$VAR"/{glance/images,rabbit,consoles,lock,neutron}
    mkdir -p "$VAR/nova-$OSREAL_VIRT/instances"
    configure_keystone >"$ETC/keystone/keystone.conf"
    configure_placement >"$ETC/placement/placement.conf"
    configure_glance >"$ETC/glance/glance-api.conf"
    configure_nova >"$ETC/nova/nova.conf"
    configure_neutron >"$ETC/neutron/neutron.conf"
    configure_ml2 >"$ETC/neutron/ml2_conf.ini"
    configure_rabbitmq >"$VAR/rabbit/rabbitmq.conf"
    echo '[].' >"$VAR/rabbit/enabled_plugins"
    local name
    for name in nova-api nova-metadata neutron; do # uWSGI would give them all one log
        printf '[DEFAULT]\nlog_file = %s/%s.log\nuse_stderr = false\n' "$LOG" "$name" >"$ETC/log-$name.conf"
    done
    # What a test left behind that was killed.
    rm -f "$ETC/knobs.json"
}

message_queue() { echo "rabbit://guest:guest@127.0.0.1:$AMQP_PORT/"; }
database_url() { echo "mysql+pymysql://root:$OSREAL_PW@127.0.0.1:$DB_PORT/$1?charset=utf8"; }

database() { # section name
    cat <<END
[$1]
connection = $(database_url "$2")
max_pool_size = 10
max_overflow = 20
connection_recycle_time = 600
END
}

account() { # section user: how a service logs in as that user
    cat <<END
[$1]
auth_url = http://127.0.0.1:$KEYSTONE_PORT/v3
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = service
username = $2
password = $OSREAL_PW
region_name = $OSREAL_REGION
END
}

token_check() { # user: how a service checks its callers' tokens
    account keystone_authtoken "$1"
    cat <<END
www_authenticate_uri = http://127.0.0.1:$KEYSTONE_PORT/v3
token_cache_time = 300
service_token_roles_required = true
service_token_roles = service
END
}

privsep() { # section…: how these parts of a service run what needs root
    printf "[%s]\nhelper_command = $BIN/privsep-helper\n" "$@"
}

configure_keystone() {
    cat <<END
[DEFAULT]
log_file = $LOG/keystone.log
max_token_size = 255
[token]
provider = fernet
expiration = 14400
[fernet_tokens]
key_repository = $ETC/keystone/fernet-keys
[credential]
key_repository = $ETC/keystone/credential-keys
[cache]
enabled = true
backend = oslo_cache.dict
[oslo_policy]
enforce_scope = true
$(database database keystone)
END
}

configure_placement() {
    cat <<END
[DEFAULT]
log_file = $LOG/placement.log
[api]
auth_strategy = keystone
$(database placement_database placement)
$(token_check placement)
END
}

configure_glance() {
    cat <<END
[DEFAULT]
log_file = $LOG/glance.log
enabled_backends = file:file
enabled_import_methods = [glance-direct]
worker_self_reference_url = http://127.0.0.1:$GLANCE_PORT
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = $VAR/glance/images
[os_glance_staging_store]
filesystem_store_datadir = $VAR/glance/staging
[os_glance_tasks_store]
filesystem_store_datadir = $VAR/glance/tasks
[paste_deploy]
flavor = keystone
config_file = $OSREAL/venv/etc/glance/glance-api-paste.ini
[oslo_concurrency]
lock_path = $VAR/lock
$(database database glance)
$(token_check glance)
END
}

configure_nova() {
    local driver=osreal_virt.Driver
    if [ "$OSREAL_VIRT" = qemu ]; then driver=libvirt.LibvirtDriver; fi
    cat <<END
[DEFAULT]
log_dir = $LOG
state_path = $VAR/nova-$OSREAL_VIRT
my_ip = 127.0.0.1
host = $COMPUTE_HOST
transport_url = $(message_queue)
compute_driver = $driver
rpc_response_timeout = 60
osapi_compute_workers = 1
metadata_workers = 1
default_ephemeral_format = ext4
update_resources_interval = 30
report_interval = 2
service_down_time = 20
sync_power_state_interval = 60
vif_plugging_timeout = 60
instance_usage_audit = false
[api]
auth_strategy = keystone
dhcp_domain =
[wsgi]
api_paste_config = $OSREAL/venv/etc/nova/api-paste.ini
[scheduler]
workers = 1
[conductor]
workers = 1
[filter_scheduler]
# There is one host: a build that failed must not keep the next one from it.
build_failure_weight_multiplier = 0
[quota]
driver = nova.quota.DbQuotaDriver
[glance]
api_servers = http://127.0.0.1:$GLANCE_PORT
num_retries = 1
[vnc]
enabled = false
[oslo_concurrency]
lock_path = $VAR/lock
[oslo_messaging_rabbit]
rabbit_quorum_queue = false
heartbeat_in_pthread = false
[os_vif_ovs]
ovsdb_connection = tcp:127.0.0.1:$OVS_PORT
[libvirt]
virt_type = qemu
connection_uri = qemu:///system?socket=$RUN/libvirt/libvirt-sock
cpu_mode = none
use_virtio_for_bridges = true
images_type = qcow2
num_pcie_ports = 8
[workarounds]
skip_cpu_compare_on_dest = true
$(database api_database nova_api)
$(database database nova)
$(token_check nova)
$(account placement placement)
$(account service_user nova)
send_service_user_token = true
$(account neutron neutron)
service_metadata_proxy = true
metadata_proxy_shared_secret = $OSREAL_PW
$(privsep nova_sys_admin vif_plug_ovs_privileged)
END
}

configure_neutron() {
    cat <<END
[DEFAULT]
state_path = $VAR/neutron
core_plugin = ml2
service_plugins = ovn-router,trunk
auth_strategy = keystone
transport_url = $(message_queue)
host = $COMPUTE_HOST
api_paste_config = $OSREAL/venv/etc/neutron/api-paste.ini
notify_nova_on_port_status_changes = true
notify_nova_on_port_data_changes = true
dhcp_agent_notification = false
global_physnet_mtu = 1500
rpc_workers = 0
[oslo_concurrency]
lock_path = $VAR/lock
[agent]
root_helper =
$(database database neutron)
$(token_check neutron)
$(account nova nova)
$(account placement placement)
$(privsep privsep)
END
}

configure_ml2() {
    cat <<END
[ml2]
type_drivers = flat,geneve,local
tenant_network_types = geneve
mechanism_drivers = ovn
extension_drivers = port_security
path_mtu = 1500
[ml2_type_flat]
flat_networks = public
[ml2_type_geneve]
vni_ranges = 1:65536
max_header_size = 38
[securitygroup]
enable_security_group = true
[ovn]
ovn_nb_connection = tcp:127.0.0.1:$NB_PORT
ovn_sb_connection = tcp:127.0.0.1:$SB_PORT
ovn_metadata_enabled = true
enable_distributed_floating_ip = true
ovn_l3_scheduler = chance
# Debian's Open vSwitch 3.1.0 dies on an assertion (conn_update_state) in its userspace NAT.
stateless_nat_enabled = true
dns_servers = $OSREAL_FIP_NET.1
[ovs]
ovsdb_connection = tcp:127.0.0.1:$OVS_PORT
END
}

configure_metadata_agent() {
    cat <<END
[DEFAULT]
state_path = $VAR/neutron
log_file = $LOG/ovn-agent.log
use_stderr = false
nova_metadata_host = 127.0.0.1
nova_metadata_port = $METADATA_PORT
metadata_proxy_shared_secret = $OSREAL_PW
host = $COMPUTE_HOST
[agent]
extensions = metadata
root_helper =
[ovs]
ovsdb_connection = tcp:127.0.0.1:$OVS_PORT
[ovn]
ovn_nb_connection = tcp:127.0.0.1:$NB_PORT
ovn_sb_connection = tcp:127.0.0.1:$SB_PORT
$(privsep privsep privsep_namespace privsep_link privsep_conntrack privsep_ovs_vsctl privsep_dhcp_release)
END
}

configure_rabbitmq() {
    cat <<END
listeners.tcp.1 = 127.0.0.1:$AMQP_PORT
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
log.file.level = warning
END
}

configure_libvirt() { # $ETC/libvirt: the daemon's own file, and its hypervisor's
    mkdir -p "$ETC/libvirt"
    cat >"$ETC/libvirt/libvirtd.conf" <<END
unix_sock_dir = "$RUN/libvirt"
auth_unix_rw = "none"
auth_unix_ro = "none"
log_outputs = "2:file:$LOG/libvirtd.log"
host_uuid_source = "machine-id"
END
    cat >"$ETC/libvirt/qemu.conf" <<END
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
stdio_handler = "file"
cgroup_controllers = [ ]
namespaces = [ ]
END
}
