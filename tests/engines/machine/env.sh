# The settings of the container engine for tests, each to be overridden in the environment. Sourced by all scripts here.
# shellcheck shell=bash disable=SC2034  # read by whoever sources this
ENGINES=${ENGINES:-${TMPDIR:-/tmp}/binder-engines} # everything but Debian's packages: images, sockets, logs
ENGINES_IMAGE=${ENGINES_IMAGE:-localbase:bookworm}  # the base image that repositories of the tests build on

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
RUN=$ENGINES/run LOG=$ENGINES/log VAR=$ENGINES/var
# A socket and a configuration of their own: nothing else on this machine begins to use this engine.
export DOCKER_HOST=unix://$RUN/docker.sock DOCKER_CONFIG=$ENGINES/docker

say() { printf '[%3d s] %s\n' "$SECONDS" "$*" >&2; }
die() {
    say "FAILED: $*"
    exit 1
}
answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
