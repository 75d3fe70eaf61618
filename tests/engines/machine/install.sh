# What the engine and the registry need: Debian's packages, buildx, repo2docker and a base image. Sourced by `up`.
# shellcheck shell=bash
. "$HERE/buildx.sh"
PACKAGES=(docker.io docker-compose iptables debootstrap docker-registry openssl)

# Print what keeps the engine from coming up on this machine; nothing where nothing does.
lacking() {
    if [ "$(id -u)" != 0 ]; then
        echo "Only root can start a container engine."
    elif ! command -v apt-get >/dev/null || [ ! -e /etc/apt/sources.list.d/debian.sources ]; then
        echo "This is not Debian 12 or newer."
    elif ! [ -w /sys/fs/cgroup ]; then
        echo "This machine's control groups cannot be written to."
    fi
}

install_packages() {
    if dpkg-query --show "${PACKAGES[@]}" >/dev/null 2>&1 && command -v dockerd >/dev/null; then return; fi
    say "installing ${PACKAGES[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >"$LOG/apt.log" 2>&1
    # Nothing is started by its installation: `up` starts an engine of its own.
    printf '#!/bin/sh\nexit 101\n' >"$RUN/policy" && chmod +x "$RUN/policy"
    apt-get install -y -qq --no-install-recommends "${PACKAGES[@]}" >>"$LOG/apt.log" 2>&1 ||
        die "Debian's packages; see $LOG/apt.log"
}

install_buildx() {
    local plugin=$DOCKER_CONFIG/cli-plugins/docker-buildx
    [ -x "$plugin" ] && return
    say "fetching buildx"
    fetch_buildx "$plugin" "$VAR/apt" >"$LOG/buildx.log" 2>&1 || die "buildx; see $LOG/buildx.log"
}

# The repo2docker that the agent would install, as an image for instances has it.
install_repo2docker() {
    local venv=$ENGINES/repo2docker pin
    pin=$(sed -n 's/.*"\(jupyter-repo2docker==[^"]*\)".*/\1/p' "$HERE/../../../bot/provisioning/agent/settings.py")
    [ "$(cat "$venv/pin" 2>/dev/null)" = "$pin" ] && return
    say "installing $pin"
    python3 -m venv --clear "$venv" >"$LOG/repo2docker.log" 2>&1 &&
        "$venv/bin/pip" install --quiet "$pin" >>"$LOG/repo2docker.log" 2>&1 || die "repo2docker; see $LOG/repo2docker.log"
    echo "$pin" >"$venv/pin"
}

# Docker Hub is not needed: the base image is a small Debian with a Python that has Jupyter.
install_base_image() {
    docker image inspect "$ENGINES_IMAGE" >/dev/null 2>&1 && return
    local rootfs=$VAR/rootfs mirror
    mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources | head -n 1)
    say "making the base image $ENGINES_IMAGE"
    rm -rf "$rootfs"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,git bookworm "$rootfs" "$mirror" \
        >"$LOG/debootstrap.log" 2>&1 || die "debootstrap; see $LOG/debootstrap.log"
    give_package_index "$rootfs"
    chroot "$rootfs" python3 -m venv /srv/venv >"$LOG/base-image.log" 2>&1
    # Not with this machine's own settings of pip: they may name files that the image does not have.
    env -u PIP_FIND_LINKS -u PIP_CONSTRAINT chroot "$rootfs" /srv/venv/bin/pip install --quiet --no-cache-dir jupyterlab notebook >>"$LOG/base-image.log" 2>&1 ||
        die "Jupyter in the base image; see $LOG/base-image.log"
    rm -rf "$rootfs"/var/cache/apt/archives/*.deb "$rootfs"/var/lib/apt/lists/*
    tar -C "$rootfs" -c . | docker import --change 'ENV PATH=/srv/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$ENGINES_IMAGE" \
        >/dev/null || die "the import of the base image"
    rm -rf "$rootfs"
}

# Builds within containers use the package index, the certificates and the name servers of this machine.
give_package_index() {
    local rootfs=$1
    [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$rootfs/etc/pip.conf"
    cp /etc/ssl/certs/ca-certificates.crt "$rootfs/etc/ssl/certs/ca-certificates.crt"
    cp /etc/resolv.conf "$rootfs/etc/resolv.conf"
}

