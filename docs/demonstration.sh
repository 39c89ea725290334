#!/usr/bin/env bash
# Certificates that die and change while streams run; see demonstration.md. Needs bash, curl, openssl and a built checkout.
# Everything happens in a temporary folder and on free ports of loopback, and is gone at the end.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PATH="$root/node_modules/.bin:$PATH"
passband() { node "$root/dist/cli/main.js" "$@"; }

# Milliseconds within which a stream must have ended once the file that ends it is written.
limit_ms=${PASSBAND_DEMO_LIMIT_MS:-1000}
[[ $limit_ms =~ ^[0-9]+$ ]] || { echo "PASSBAND_DEMO_LIMIT_MS: \"$limit_ms\" is no whole number of milliseconds" >&2; exit 1; }

folder=$(mktemp -d)
certs=$folder/certs
children=()
finish() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
now_ms() { date +%s%3N; }

# Waits until a command succeeds, at most a minute.
await() {
  local what=$1; shift
  for _ in $(seq 1200); do if "$@"; then return; fi; sleep 0.05; done
  fail "waited in vain: $what"
}

# Says that the stream of $1 ended $2 ms after the file $3 was written, and fails where that is too long.
in_time() {
  echo "$3 written to end of stream: $2 ms"
  [ "$2" -le "$limit_ms" ] || fail "the stream of $1 ended $2 ms after the $3 was written; the limit is $limit_ms ms"
}

# Opens a stream as CN $1 in the background: the events in $1.events, the moment of its end in $1.ended. It ends with the
# gateway at the latest.
stream() {
  {
    curl -sN --cacert "$certs/ca.crt" --cert "$certs/$1.crt" --key "$certs/$1.key" \
      "$url/v1/stations/sim-1/iq?batch_size_samples=2048&datatype=ci8&overflow=block" >"$folder/$1.events" || true
    now_ms >"$folder/$1.ended"
  } &
  children+=($!)
}
frames() { grep -c '^id: *[0-9]' "$folder/$1.events" || true; }
has_frames() { [ "$(frames "$1")" -ge "$2" ]; }
has_ended() { [ -s "$folder/$1.ended" ]; }
# Every frame's id (EPOCH-NUMBER) is the one after that before it, and no gap was told. The last line may be half written.
lost_nothing() {
  sed '$d' "$folder/$1.events" | awk '
    told { print "told: " $0 > "/dev/stderr"; told = 0 }
    /^event: *gap/ { bad = 1; told = 1 }
    /^id: *[0-9]/ {
      split($2, id, "-")
      if (seen && id[2] != last + 1) { bad = 1; print "number " id[2] " after " last > "/dev/stderr" }
      last = id[2]; seen = 1
    }
    END { exit bad || !seen }'
}
serial() {
  openssl s_client -connect "localhost:$port" -CAfile "$certs/ca.crt" -cert "$certs/bob.crt" -key "$certs/bob.key" </dev/null 2>/dev/null |
    openssl x509 -noout -serial
}
# A stream that is let in has no end of its own.
status_of() { curl -s -m 10 -o /dev/null -w '%{http_code}' --cacert "$certs/ca.crt" --cert "$certs/$1.crt" --key "$certs/$1.key" "$url$2"; }

# A slow station: whether frames are lost must not depend on what else this machine has to do.
cat >"$folder/stations.yaml" <<'YAML'
version: 1
stations:
  - station_id: sim-1
    sample_rate: 200000
    center_frequency_hz: 100000000
    sim: { noise_dbfs: -50, carriers: [{ offset_hz: 25000, power_dbfs: -12 }] }
YAML

say 'Start, with certificates and a policy of its own'
# The program itself and not a shell that waits for it: that is what must be ended.
node "$root/dist/cli/main.js" up --certs "$certs" --stations "$folder/stations.yaml" --port 0 --backend-port 0 --metrics-port 0 >"$folder/up.txt" 2>"$folder/log.jsonl" &
children+=($!)
await 'the gateway listens' grep -q 'gateway  *https://localhost:' "$folder/up.txt"
port=$(sed -n 's/^gateway  *https:\/\/localhost:\([0-9]*\).*/\1/p' "$folder/up.txt")
url=https://localhost:$port
sed -n '/^gateway/p' "$folder/up.txt"

say 'Two people, two certificates'
passband pki issue client --certs "$certs" --cn dash-alice --name alice
passband pki issue client --certs "$certs" --cn dash-bob --name bob

say 'Each opens a stream'
stream alice
stream bob
await 'frames for alice' has_frames alice 20
await 'frames for bob' has_frames bob 20
echo "alice has $(frames alice) frames, bob has $(frames bob)"

say 'Revoke alice'
passband pki revoke "$certs/alice.crt" --reason keyCompromise --certs "$certs"
await 'the end of the stream of alice' has_ended alice
revoked_ms=$(stat -c %.3Y "$certs/crl.pem" | tr -d .)
took_ms=$(($(cat "$folder/alice.ended") - revoked_ms))
sed -n '/^event: *end/,$p' "$folder/alice.events"
in_time alice "$took_ms" 'revocation list'
grep -A1 '^event: *end' "$folder/alice.events" | grep -q '"code": *16' || fail 'the stream of alice did not end with UNAUTHENTICATED'
asked=$(status_of alice /whoami || true)
echo "alice asks again: $asked"
[ "$asked" = 401 ] || fail 'alice was not refused'
before=$(frames bob)
await 'more frames for bob' has_frames bob $((before + 20))
lost_nothing bob || fail 'bob lost frames'
echo "bob goes on: $(frames bob) frames, none lost"

say 'Rotate the certificate of the server'
old=$(serial)
passband pki renew server --certs "$certs"
new_serial() { [ "$(serial)" != "$old" ]; }
await 'the new certificate' new_serial
echo "before: $old"
echo "now:    $(serial)"
before=$(frames bob)
await 'more frames for bob' has_frames bob $((before + 20))
lost_nothing bob || fail 'bob lost frames'
echo "bob goes on: $(frames bob) frames, none lost"

say 'Take the right to subscribe from the dashboards'
sed '/IQStreamService\/SubscribeIQ/d' "$certs/policy.yaml" >"$folder/policy.yaml"
edited_ms=$(now_ms)
mv "$folder/policy.yaml" "$certs/policy.yaml"
await 'the end of the stream of bob' has_ended bob
sed -n '/^event: *end/,$p' "$folder/bob.events"
in_time bob $(($(cat "$folder/bob.ended") - edited_ms)) 'policy'
grep -A1 '^event: *end' "$folder/bob.events" | grep -q '"code": *7' || fail 'the stream of bob did not end with PERMISSION_DENIED'
lost_nothing bob || fail 'bob lost frames'
subscribed=$(status_of bob /v1/stations/sim-1/iq || true)
listed=$(status_of bob /v1/stations)
echo "bob subscribes again: $subscribed; bob lists stations: $listed"
[ "$subscribed" = 403 ] || fail 'bob has kept the right'
[ "$listed" = 200 ] || fail 'bob lost more than one right'

say 'Done: revocation took '"$took_ms"' ms'
