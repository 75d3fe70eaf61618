# What has to be on the machine before a control plane can run on it. Sourced, after env.sh.
# shellcheck shell=bash

UV_VERSION=0.13.9
NET_ADMIN=12 # the number of that capability
TOOLS=(gcc libc6-dev python3-dev python3-venv)
SERVERS=(mariadb-server rabbitmq-server openvswitch-switch ovn-central ovn-host iproute2 iptables haproxy)
HYPERVISOR=(debootstrap qemu-system-x86 qemu-utils libvirt-daemon-system libvirt-daemon-driver-qemu
    libvirt-clients libvirt-dev pkg-config genisoimage)

lacking() { # prints what keeps a control plane from running here, in a sentence; nothing where nothing does
    local capabilities
    capabilities=$(sed -n 's/^CapEff:\t//p' /proc/self/status)
    if ! grep -qs '^ID=debian$' /etc/os-release; then
        echo "OpenStack can be brought up on Debian only."
    elif [ "$(id -u)" != 0 ]; then
        echo "OpenStack can be brought up by root only: it makes network devices."
    elif ! ((16#$capabilities >> NET_ADMIN & 1)) || ! (exec 3<>/dev/net/tun) 2>/dev/null; then
        echo "OpenStack cannot be brought up: this container may not make network devices (NET_ADMIN, /dev/net/tun)."
    fi
}

install_packages() { # name…: those of them that Debian has not installed
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    [ -e "$RUN/apt-is-fresh" ] || apt-get update -qq >>"$LOG/apt.log" 2>&1 || die "apt-get update; see $LOG/apt.log"
    touch "$RUN/apt-is-fresh"
    keep_services_down
    apt-get install -y --no-install-recommends "${missing[@]}" >>"$LOG/apt.log" 2>&1 || die "apt-get install; see $LOG/apt.log"
    let_services_up
}

# Debian starts what it installs, on the ports and in the folders of the whole machine.
keep_services_down() {
    [ -e /usr/sbin/policy-rc.d ] && return
    printf '#!/bin/sh\n# of %s\nexit 101\n' "$OSREAL" >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
}
let_services_up() {
    if grep -qsx "# of $OSREAL" /usr/sbin/policy-rc.d; then rm /usr/sbin/policy-rc.d; fi
}

install_python() { # the environment of the OpenStack services, as it was locked
    local wanted
    wanted=$(sha256sum "$HERE/requirements.lock" | cut -c1-16)
    [ "$(cat "$OSREAL/venv/.lock-id" 2>/dev/null)" = "$wanted" ] && return
    say "installing $(wc -l <"$HERE/requirements.lock") Python packages"
    {
        python3 -m venv "$OSREAL/venv" &&
            "$BIN/pip" install -q --disable-pip-version-check "uv==$UV_VERSION" &&
            UV_CACHE_DIR=$OSREAL/uv-cache UV_LINK_MODE=hardlink "$BIN/uv" pip install --python "$BIN/python" \
                --no-deps --compile-bytecode --requirement "$HERE/requirements.lock"
    } >"$LOG/python.log" 2>&1 || die "the Python packages; see $LOG/python.log"
    rm -rf "$OSREAL/uv-cache"
    echo "$wanted" >"$OSREAL/venv/.lock-id"
    say "Python packages installed"
}

install_all() {
    install_packages "${TOOLS[@]}"
    install_python &
    local python=$! packages=("${SERVERS[@]}")
    if [ "$OSREAL_VIRT" = qemu ]; then packages+=("${HYPERVISOR[@]}"); fi
    install_packages "${packages[@]}"
    wait "$python"
}
