# Debian 12 has no buildx, Debian 13 has: that one package is unpacked beside the others, not installed. Sourced.
# shellcheck shell=bash

# Put buildx into a file: fetch_buildx <file> <folder for the work, removed afterwards>
fetch_buildx() {
    local plugin=$1 apt=$2
    mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial" "$(dirname "$plugin")" || return
    sed -e '/^$/,$d' -e 's/^Suites:.*/Suites: trixie/' /etc/apt/sources.list.d/debian.sources >"$apt/sources/trixie.sources"
    local options=(-qq -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$apt/sources"
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update || return
    (cd "$apt" && apt-get "${options[@]}" download docker-buildx) || return
    dpkg -x "$apt"/docker-buildx_*.deb "$apt/buildx" || return
    find "$apt/buildx" -name docker-buildx -type f -exec install -m 755 {} "$plugin" \;
    rm -rf "$apt"
    [ -x "$plugin" ]
}
