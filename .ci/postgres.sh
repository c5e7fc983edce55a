# One PostgreSQL for the run of the tests, on loopback, in a directory that is removed again; sourced by .ci/test.

POSTGRES_HOME=

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
    else
        "$@"
    fi
}

start_postgres() {
    local programs port
    programs=$(postgres_programs)
    port=$(free_port)
    # Not below the checkout, which the user nobody may be unable to enter.
    POSTGRES_HOME=$(mktemp -d /tmp/gateway-postgres.XXXXXX)
    trap stop_postgres EXIT
    [ "$(id -u)" -ne 0 ] || chown nobody:nogroup "$POSTGRES_HOME"
    (
        cd "$POSTGRES_HOME"
        as_postgres "$programs/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync >initdb.log
        as_postgres "$programs/pg_ctl" -D data -l server.log -w start >pg_ctl.log -o \
            "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='' -c max_connections=300"
    )
    export TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres"
    echo "PostgreSQL listens on port $port"
}

stop_postgres() {
    [ -n "$POSTGRES_HOME" ] || return 0
    (cd "$POSTGRES_HOME" && as_postgres "$(postgres_programs)/pg_ctl" -D data -m immediate stop >/dev/null 2>&1) || true
    rm -rf "$POSTGRES_HOME"
    POSTGRES_HOME=
}
