#!/usr/bin/env python3
"""Submits one message with Python's smtplib, in the way that the options say; fails with the server's words.

    submit.py --ca FILE [--implicit] [--auth PLAIN|LOGIN] [--mail OPTION]... [--rcpt OPTION]... FROM TO TEXT
    submit.py --to-mta HOST ... FROM TO TEXT        port 25, no TLS, nobody logs in
"""
import argparse
import email.message
import email.policy
import smtplib
import ssl
import sys


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ca")
    parser.add_argument("--to-mta")
    parser.add_argument("--host", default="mail.home.example")
    parser.add_argument("--user", default="alice")
    parser.add_argument("--implicit", action="store_true", help="TLS from the start, port 465")
    parser.add_argument("--auth", choices=["PLAIN", "LOGIN"], default="PLAIN")
    parser.add_argument("--ask", action="store_true", help="no initial response: wait for the challenge")
    parser.add_argument("--mail", action="append", default=[], help="a parameter for MAIL")
    parser.add_argument("--rcpt", action="append", default=[], help="a parameter for RCPT")
    parser.add_argument("--subject", default="from smtplib")
    parser.add_argument("sender")
    parser.add_argument("to")
    parser.add_argument("text")
    options = parser.parse_args()

    context = ssl.create_default_context(cafile=options.ca)
    if options.to_mta:
        client = smtplib.SMTP(options.to_mta, 25, timeout=30)
    elif options.implicit:
        client = smtplib.SMTP_SSL(options.host, 465, context=context, timeout=30)
    else:
        client = smtplib.SMTP(options.host, 587, timeout=30)
        client.starttls(context=context)
    with client:
        client.ehlo()
        if not options.to_mta:
            client.user, client.password = options.user, options.user + "-secret"
            exchange = client.auth_plain if options.auth == "PLAIN" else client.auth_login
            client.auth(options.auth, exchange, initial_response_ok=not options.ask)
        message = email.message.EmailMessage()
        message["From"], message["To"], message["Subject"] = options.sender, options.to, options.subject
        message.set_content(options.text + "\n.\n..dots\n")
        # smtplib's send_message decides on SMTPUTF8 by the addresses, and writes the header in UTF-8 then.
        refused = client.send_message(message, from_addr=options.sender, to_addrs=options.to.split(","),
                                      mail_options=options.mail, rcpt_options=options.rcpt)
        if refused:
            sys.exit("refused: %r" % refused)


if __name__ == "__main__":
    main()
