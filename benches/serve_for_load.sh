#!/usr/bin/env bash
# Serves a release build on the benchmark's private servers and prints the environment that the load program wants.
#   benches/serve_for_load.sh start | stop
# Needs: the servers of ../shared/peers/fastapi/infra.sh, started, and their addresses in the environment
# (`eval "$(infra.sh env)"`): USER_DB, SHARED_DB, AMQP_URL, PG_PID, RMQ_PID. BOTBERI is the program, REDIS_PORT a free port.
set -euo pipefail
: "${BENCH_DIR:=${TMPDIR:-/tmp}/bench-stack}" "${BOTBERI:=target/release/botberi}" "${REDIS_PORT:=6690}"
run="$BENCH_DIR/botberi"
mkdir -p "$run"

start() {
  port=$(sed 's|.*:\([0-9]*\)/.*|\1|' <<<"$SHARED_DB")
  # Databases of our own beside the peer's; the accounts are those of the dev profile.
  for role in botberi_owner botberi; do
    psql -qtA "$SHARED_DB" -c "SELECT 1 FROM pg_roles WHERE rolname = '$role'" | grep -q 1 ||
      psql -q "$SHARED_DB" -c "CREATE ROLE $role LOGIN PASSWORD '$role'"
  done
  for database in botberi_user botberi_shared; do
    psql -q "$SHARED_DB" -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" 2>/dev/null
    psql -q "$SHARED_DB" -c "CREATE DATABASE $database OWNER botberi_owner"
  done
  redis-server --port "$REDIS_PORT" --bind 127.0.0.1 --save '' --appendonly no --daemonize yes \
    --pidfile "$run/redis.pid" --dir "$run" >/dev/null
  export BOTBERI_PROFILE=dev BOTBERI__TELEMETRY__FILTER="${FILTER:-warn}"
  export BOTBERI__POSTGRES__USER__URL=postgres://botberi:botberi@127.0.0.1:$port/botberi_user
  export BOTBERI__POSTGRES__USER__OWNER_URL=postgres://botberi_owner:botberi_owner@127.0.0.1:$port/botberi_user
  export BOTBERI__POSTGRES__SHARED__URL=postgres://botberi:botberi@127.0.0.1:$port/botberi_shared
  export BOTBERI__POSTGRES__SHARED__OWNER_URL=postgres://botberi_owner:botberi_owner@127.0.0.1:$port/botberi_shared
  export BOTBERI__REDIS__URL=redis://127.0.0.1:$REDIS_PORT/ BOTBERI__RABBITMQ__URL=$AMQP_URL
  export BOTBERI__HTTP__USER__PORT=8210 BOTBERI__HTTP__ADMIN__PORT=8220 BOTBERI__HTTP__BROKER__PORT=8230
  export BOTBERI__QUOTAS__INSTANCES_MAX=1000000000
  "$BOTBERI" migrate >"$run/migrate.log" 2>&1
  "$BOTBERI" serve >"$run/serve.log" 2>&1 </dev/null &
  echo $! >"$run/serve.pid"
  for _ in $(seq 100); do curl -fs http://127.0.0.1:8210/readyz >/dev/null && break; sleep 0.1; done
  # The load program registers its own users; the administrator is made by hand.
  BOTBERI_ADMIN_PASSWORD=admin-password "$BOTBERI" admin create admin >>"$run/migrate.log" 2>&1
  cat <<X
export SYSTEM=botberi BASE_URL=http://127.0.0.1:8210 ADMIN_URL=http://127.0.0.1:8220
export WS_URL=ws://127.0.0.1:8210/api/v1/ws WS_TOKEN_PARAM= USER_FIELD=username AGENT_PUBLISH=/publish
export ADMIN_EMAIL=admin ADMIN_PASSWORD=admin-password
export SHARED_DB=postgres://botberi:botberi@127.0.0.1:$port/botberi_shared
export WS_PID=$(cat "$run/serve.pid") PIDS="botberi=$(cat "$run/serve.pid") postgres=$PG_PID rabbitmq=$RMQ_PID"
X
}

stop() {
  for name in serve redis; do
    [ -e "$run/$name.pid" ] || continue
    kill "$(cat "$run/$name.pid")" 2>/dev/null || true
    rm -f "$run/$name.pid"
  done
}
case "${1:-}" in start) start ;; stop) stop ;; *) echo "usage: $0 start|stop" >&2; exit 2 ;; esac
