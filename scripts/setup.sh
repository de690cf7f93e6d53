#!/bin/sh
# Installs what Botberi needs beside the Rust toolchain, where it is missing. Safe to run again at any time;
# takes a fraction of a second when all is there. Called by `make up` and, with --tests, by `make test`.
set -eu

with_tests=${1:-}

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# Debian keeps these programs outside PATH.
have_postgres() { have postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
have_rabbitmq() { [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || have rabbitmq-server || [ -x /usr/sbin/rabbitmq-server ]; }
# Debian keeps it in /usr/sbin, which is not in every user's PATH.
have_nginx() { have nginx || [ -x /usr/sbin/nginx ]; }
have_linker() { have ld.lld || have lld; }
# Debian has a python3 without the standard library, too.
have_python() { python3 -c "import json" 2>/dev/null; }
# The validator of the OpenAPI documents lives in a private environment.
have_venv() { python3 -c "import ensurepip, venv" 2>/dev/null; }

missing_packages() {
    have_postgres || echo postgresql-15
    have_rabbitmq || echo rabbitmq-server
    have redis-server || echo redis-server
    have_linker || echo lld
    have cc || echo gcc libc6-dev
    have curl || echo curl
    have setpriv || echo util-linux
    have_python || echo python3
    [ "$with_tests" != --tests ] || have_venv || echo python3-venv
    # The edge: development needs none, tests run the one in docker/nginx/.
    [ "$with_tests" != --tests ] || have_nginx || echo nginx-light
}

# The packages bring services of their own, on the standard ports. We start private servers instead, so
# nothing of them may run: Debian asks this file before it starts a service during an installation.
policy=/usr/sbin/policy-rc.d
forbid_services() {
    # One that is there already is of a run that was killed: the file beside it is the system's own.
    if $as_root test -e "$policy" && ! $as_root test -e "$policy.before-botberi"; then
        $as_root mv "$policy" "$policy.before-botberi"
    fi
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
}
restore_services() {
    $as_root rm -f "$policy"
    if $as_root test -e "$policy.before-botberi"; then
        $as_root mv "$policy.before-botberi" "$policy"
    fi
}

# Where systemd runs, also keep the services of packages that we installed from starting at the next boot.
mask_services() {
    [ -d /run/systemd/system ] || return 0
    for package in "$@"; do
        case $package in
            postgresql-15) services='postgresql.service postgresql@15-main.service' ;;
            rabbitmq-server) services='rabbitmq-server.service epmd.socket epmd.service' ;;
            redis-server) services='redis-server.service' ;;
            nginx-light) services='nginx.service' ;;
            *) continue ;;
        esac
        for service in $services; do
            $as_root systemctl stop "$service" >/dev/null 2>&1 || true
            $as_root systemctl mask "$service" >/dev/null 2>&1 || true
        done
        say "masked the services of $package (undo: systemctl unmask $services)"
    done
}

install_packages() {
    have apt-get || die "missing programs from the Debian packages: $*
setup: this system has no apt-get: install PostgreSQL 15, RabbitMQ, Redis, lld and what else is named above with its own tools, then try again."
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || die "missing packages: $*
setup: you are not root and there is no sudo: as root, run: apt-get install --no-install-recommends $*"
        as_root=sudo
    fi
    say "installing $*"
    trap restore_services EXIT
    trap 'exit 130' INT TERM
    forbid_services
    log=$(mktemp)
    if ! $as_root apt-get update >"$log" 2>&1; then
        cat "$log" >&2
        die "apt-get update failed; its output is above"
    fi
    if ! $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@" >"$log" 2>&1; then
        cat "$log" >&2
        die "installing $* failed; the output of apt-get is above"
    fi
    rm -f "$log"
    restore_services
    trap - EXIT INT TERM
    mask_services "$@"
}

if ! have cargo; then
    [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ] ||
        die "cargo is missing: install the Rust toolchain with rustup, then try again"
    PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
fi

packages=$(missing_packages)
if [ -n "$packages" ]; then
    # Package names hold no spaces: splitting is what we want.
    # shellcheck disable=SC2086
    install_packages $packages
    still=$(missing_packages)
    [ -z "$still" ] || die "still missing after the installation: $(echo $still)"
fi

if [ "$with_tests" = --tests ] && ! have cargo-nextest; then
    say "building cargo-nextest, once; this takes some minutes"
    cargo install --locked cargo-nextest
fi
