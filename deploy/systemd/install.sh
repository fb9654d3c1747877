#!/bin/sh
# Installs what is in this checkout for systemd, as root: the program in /opt/rebalancer, a user of its own, the units.
# Files of the operator (/etc/rebalancer) are made where they are missing and never changed. Run it again to upgrade.
set -eu
cd "$(dirname "$0")/../.."
test "$(id -u)" = 0 || { echo "Run it as root: sudo deploy/systemd/install.sh" >&2; exit 2; }
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' ||
  { echo "$python is no Python 3.11, 3.12 or 3.13; name one: PYTHON=/usr/bin/python3.11 $0" >&2; exit 2; }

id rebalancer >/dev/null 2>&1 || useradd --system --home-dir /var/lib/rebalancer --shell /usr/sbin/nologin rebalancer

test -x /opt/rebalancer/bin/python || "$python" -m venv /opt/rebalancer
/opt/rebalancer/bin/pip install --quiet --require-hashes --requirement requirements.txt
# What builds the wheel, in a folder that goes away again.
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
/opt/rebalancer/bin/pip install --quiet --require-hashes --requirement requirements-build.txt --target "$build/backend"
PYTHONPATH="$build/backend" /opt/rebalancer/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$build" .
/opt/rebalancer/bin/pip install --quiet --no-deps --force-reinstall "$build"/*.whl
mkdir -p /opt/rebalancer/share/docs
cp docs/*.md /opt/rebalancer/share/docs/

install -d -m 755 /etc/rebalancer
install -d -m 700 /etc/rebalancer/secrets
test -e /etc/rebalancer/accounts.yaml || install -m 640 -g rebalancer accounts.example.yaml /etc/rebalancer/accounts.yaml
test -e /etc/rebalancer/environment || install -m 640 -g rebalancer .env.example /etc/rebalancer/environment
for secret in ably_api_key allocations_api_key; do
  test -e "/etc/rebalancer/secrets/$secret" || install -m 600 /dev/null "/etc/rebalancer/secrets/$secret"
done
test -e /etc/rebalancer/secrets/rebalancer_key ||
  (umask 077 && printf '%s %s\n' "$(hostname)" "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')" \
    >/etc/rebalancer/secrets/rebalancer_key)

install -m 644 deploy/systemd/*.service deploy/systemd/*.timer /etc/systemd/system/
if test -d /run/systemd/system; then
  systemctl daemon-reload
  echo "Fill in /etc/rebalancer, then: systemctl enable --now rebalancer-worker rebalancer-listener" \
    "rebalancer-health@worker.timer rebalancer-health@listener.timer"
else
  echo "Installed; systemd does not run here."
fi
