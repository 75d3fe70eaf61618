# The settings of the container engine for tests, each to be overridden in the environment. Sourced by all scripts here.
# shellcheck shell=bash disable=SC2034  # read by whoever sources this
ENGINES=${ENGINES:-${TMPDIR:-/tmp}/binder-engines} # everything but Debian's packages: images, sockets, logs
ENGINES_IMAGE=${ENGINES_IMAGE:-localbase:bookworm}  # the base image that repositories of the tests build on
ENGINES_REGISTRY=${ENGINES_REGISTRY:-127.0.0.1:5017} # the image registry, which takes tokens alone
ENGINES_REGISTRY_KEY=$ENGINES/registry/key.pem       # what signs its tokens (ES256)
ENGINES_REGISTRY_CERTIFICATE=$ENGINES/registry/certificate.pem
export ENGINES ENGINES_IMAGE ENGINES_REGISTRY ENGINES_REGISTRY_KEY ENGINES_REGISTRY_CERTIFICATE

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
RUN=$ENGINES/run LOG=$ENGINES/log VAR=$ENGINES/var
# A socket and a configuration of their own: nothing else on this machine begins to use this engine.
export DOCKER_HOST=unix://$RUN/docker.sock DOCKER_CONFIG=$ENGINES/docker

say() { printf '[%3d s] %s\n' "$SECONDS" "$*" >&2; }
die() {
    say "FAILED: $*"
    exit 1
}
# Whether a port of this machine is listened at: `listens <host>:<port>`.
listens() { (: <"/dev/tcp/${1/:/\/}") 2>/dev/null; }
# End the program whose id is in a file, and wait until it has ended.
end() {
    local pid
    pid=$(cat "$1" 2>/dev/null) && kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 300); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    rm -f "$1"
}
answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
