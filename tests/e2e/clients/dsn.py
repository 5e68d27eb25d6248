#!/usr/bin/env python3
"""Reads a DSN (RFC 3464) with an independent parser and tells what it says, one plain line a fact.

    dsn.py FILE
"""
import email
import email.policy
import sys


def main(path):
    with open(path, "rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.SMTP)
    print("reverse-path", message["Return-Path"])
    print("to", message["To"])
    print("type", message.get_content_type(), message.get_param("report-type"))
    print("auto-submitted", message["Auto-Submitted"])
    print("date", "present" if message["Date"] else "absent")
    print("message-id", "present" if message["Message-ID"] else "absent")
    parts = list(message.iter_parts())
    print("parts", *(part.get_content_type() for part in parts))
    for part in message.walk():
        if part.defects:
            print("defects", *part.defects)
    status = parts[1]
    # The parser makes one message of each block of fields.
    blocks = status.get_payload()
    for name in ("Reporting-MTA", "Original-Envelope-Id", "Arrival-Date"):
        if blocks[0][name]:
            print(name.lower(), "present" if name == "Arrival-Date" else blocks[0][name])
    for block in blocks[1:]:
        if not block["Final-Recipient"]:
            continue
        print("recipient", block["Final-Recipient"].replace(" ", ""), block["Action"], block["Status"])
        for name in ("Original-Recipient", "Remote-MTA", "Diagnostic-Code"):
            if block[name]:
                print(name.lower(), " ".join(block[name].split()).replace("; ", ";"))
    returned = parts[2]
    if returned.get_content_type() in ("message/rfc822", "message/global"):
        inner = returned.get_payload()[0]
        print("returned message", inner["Subject"])
        print("returned text", " ".join(inner.get_content().split()) if not inner.is_multipart() else "(parts)")
    else:
        inner = email.message_from_bytes(returned.get_payload(decode=True) or b"", policy=email.policy.SMTP)
        print("returned headers", inner["Subject"])
    for line in parts[0].get_content().splitlines():
        print("says", line)


if __name__ == "__main__":
    main(sys.argv[1])
