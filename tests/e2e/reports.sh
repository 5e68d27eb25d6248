#!/usr/bin/env bash
# A DMARC aggregate report that comes in by SMTP, gzipped and zipped, and what `homemail dmarc --reports` tells of it.
# needs: python3
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
work=$(mktemp -d)
at_exit 'rm -rf "$work"'
homemail=$PWD/out/linux-x64/homemail
port=$(free_ports 3)
# A resolver that is not there: nothing can be proven, and nothing waits long.
house_server=$'resolver = 127.0.0.1:1' house "$work/home" "$port" "$homemail" 2> /dev/null
"$homemail" run --config "$work/home/homemail.ini" > "$work/log" 2>&1 &
server=$!
at_exit "kill $server; wait $server"
wait_for 20 answers "$port" || { cat "$work/log"; not_ok "HomeMail starts"; finish; }

cat > "$work/send.py" << 'PY'
import gzip, io, smtplib, sys, zipfile
from email.message import EmailMessage
XML = """<?xml version="1.0"?><feedback><report_metadata><org_name>%s</org_name><email>x@big.example</email><report_id>%s</report_id><date_range><begin>1795478400</begin><end>1795564799</end></date_range></report_metadata>
<policy_published><domain>home.example</domain><p>reject</p></policy_published><record><row><source_ip>198.51.100.66</source_ip><count>4</count><policy_evaluated><disposition>reject</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>home.example</header_from></identifiers><auth_results/></record></feedback>"""
def send(name, data, subtype):
    message = EmailMessage()
    message['From'], message['To'] = 'noreply@big.example', 'postmaster@home.example'
    message['Subject'] = 'Report Domain: home.example Submitter: big.example Report-ID: <%s>' % name
    message.set_content('A report.')
    message.add_attachment(data, maintype='application', subtype=subtype, filename='big.example!home.example!1!2.' + subtype)
    with smtplib.SMTP('127.0.0.1', int(sys.argv[1]), timeout=60) as smtp:
        smtp.send_message(message, 'noreply@big.example', ['postmaster@home.example'])
packed = io.BytesIO()
with zipfile.ZipFile(packed, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('r.xml', XML % ('zip.example', 'z'))
send('g', gzip.compress((XML % ('gzip.example', 'g')).encode()), 'gzip')
send('z', packed.getvalue(), 'zip')
send('bomb', gzip.compress(b'<feedback>' + b'<a/>' * 20000000), 'gzip')
PY
check "three messages with reports are accepted" python3 "$work/send.py" "$port"
told() { "$homemail" dmarc --config "$work/home/homemail.ini" --reports "$@" > "$work/told" 2>&1; }
both() { told && grep -q gzip.example "$work/told" && grep -q zip.example "$work/told"; }
check "both reports are read" wait_for 30 both
check "what failed is told" grep -qE '^  198\.51\.100\.66 +4 failed +0 passed$' "$work/told"
check "unproven ones are marked" grep -qE '^2026-11-24 home\.example by gzip\.example \(unverified, from big\.example\): 4 failed, 0 passed$' "$work/told"
refused() { grep -q 'dmarc-report-in .*refused=.unpacks to more' "$work/log"; }
check "a bomb is not unpacked" wait_for 30 refused
told --json
check "the last line of JSON has a result" python3 -c "import json; assert json.loads(open('$work/told').read().splitlines()[-1])['result'] == 'ok'"
check "the messages are in the mailbox all the same" test "$(find "$work/home" -name '*.eml' -path '*INBOX*' | wc -l)" = 3
finish
