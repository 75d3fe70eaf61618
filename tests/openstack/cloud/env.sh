# The settings of the control plane, each to be overridden in the environment. Sourced by all scripts here.
# shellcheck shell=bash disable=SC2034  # read by whoever sources this
OSREAL=${OSREAL:-${TMPDIR:-/tmp}/osreal} # everything but Debian's packages: Python environment, state, logs
OSREAL_VIRT=${OSREAL_VIRT:-fake}         # the hypervisor: fake (no guest runs) or qemu
OSREAL_REGION=${OSREAL_REGION:-IU}       # Jetstream2's
OSREAL_PW=${OSREAL_PW:-osreal}           # of every account; all of them listen on loopback only
KEYSTONE_PORT=${KEYSTONE_PORT:-5000}
NOVA_PORT=${NOVA_PORT:-8774}
METADATA_PORT=${METADATA_PORT:-8775}
PLACEMENT_PORT=${PLACEMENT_PORT:-8778}
GLANCE_PORT=${GLANCE_PORT:-9292}
NEUTRON_PORT=${NEUTRON_PORT:-9696}
DB_PORT=${DB_PORT:-13306}
AMQP_PORT=${AMQP_PORT:-15672}
OVS_PORT=${OVS_PORT:-16640}
NB_PORT=${NB_PORT:-16641}
SB_PORT=${SB_PORT:-16642}
# The first three bytes of the /24 of floating IPs. In fake mode it is loopback, so that a test can listen on
# any of them; in qemu mode it is TEST-NET-2, on a bridge.
if [ "$OSREAL_VIRT" = fake ]; then
    OSREAL_FIP_NET=${OSREAL_FIP_NET:-127.100.0}
else
    OSREAL_FIP_NET=${OSREAL_FIP_NET:-198.51.100}
fi
export OSREAL OSREAL_REGION OSREAL_FIP_NET OSREAL_PW
export KEYSTONE_PORT NOVA_PORT PLACEMENT_PORT GLANCE_PORT NEUTRON_PORT

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ETC=$OSREAL/etc RUN=$OSREAL/run LOG=$OSREAL/log VAR=$OSREAL/var BIN=$OSREAL/venv/bin
COMPUTE_HOST=osreal-$OSREAL_VIRT # one for each kind of hypervisor: Nova does not let a host change its kind
export OVS_RUNDIR=$RUN/ovs OVN_RUNDIR=$RUN/ovs OVS_DBDIR=$VAR/ovs OVN_DBDIR=$VAR/ovs OVS_LOGDIR=$LOG OVN_LOGDIR=$LOG

say() { printf '[%3d s] %s\n' "$SECONDS" "$*" >&2; }
die() {
    say "FAILED: $*"
    exit 1
}
