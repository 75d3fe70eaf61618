# The image registry: Debian's docker-registry, which knows one certificate and takes the tokens that its key signed. No
# token server is behind it. Sourced by `up`.
# shellcheck shell=bash

start_registry() {
    listens "$ENGINES_REGISTRY" && return
    make_registry_key
    configure_registry >"$RUN/registry.yml"
    say "starting the registry at $ENGINES_REGISTRY"
    setsid docker-registry serve "$RUN/registry.yml" >"$LOG/registry.log" 2>&1 9>&- </dev/null &
    echo $! >"$RUN/registry.pid"
    for _ in $(seq 300); do
        listens "$ENGINES_REGISTRY" && return
        sleep 0.1
    done
    die "the registry does not answer; see $LOG/registry.log"
}

make_registry_key() {
    [ -e "$ENGINES_REGISTRY_CERTIFICATE" ] && return
    mkdir -p "$(dirname "$ENGINES_REGISTRY_KEY")"
    (umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out "$ENGINES_REGISTRY_KEY")
    openssl req -x509 -new -key "$ENGINES_REGISTRY_KEY" -subj /CN=binder-bot -days 3650 -out "$ENGINES_REGISTRY_CERTIFICATE"
}

# The realm is where a client without a token would ask for one: nobody is there.
configure_registry() {
    cat <<END
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $VAR/registry}
  delete: {enabled: true}
http: {addr: $ENGINES_REGISTRY}
auth:
  token:
    realm: http://127.0.0.1:9/token
    service: binder-bot
    issuer: binder-bot
    rootcertbundle: $ENGINES_REGISTRY_CERTIFICATE
END
}
