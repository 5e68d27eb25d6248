#!/usr/bin/env python3
"""Runs Thunderbird without a display and drives it from within, by Marionette (the protocol under its own tests): what the scripts call is what
its windows call. Each step prints a line `ok NAME` or `FAIL NAME: why`.

    thunderbird.py FOLDER IMAPS-PORT SUBMISSIONS-PORT CA-FILE
"""
import json
import os
import socket
import subprocess
import sys
import time

# What the steps share: it is put before each of them. `done(value)` ends a step.
COMMON = r"""
const [, , , done] = [0, 0, 0, arguments[arguments.length - 1]];
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const account = () => MailServices.accounts.accounts.find(one => one.incomingServer.type == "imap");
const root = () => account().incomingServer.rootFolder;
const inbox = () => root().getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
const named = name => root().subFolders.find(one => one.name == name);
const messages = folder => [...folder.messages];
const about = (folder, subject) => messages(folder).find(one => one.mime2DecodedSubject == subject);
const update = folder => new Promise(resolve => {
  const listener = { onFolderEvent(which, event) { if (which == folder && event == "FolderLoaded") { MailServices.mailSession.RemoveFolderListener(listener); resolve(); } },
    onFolderAdded() {}, onMessageAdded() {}, onFolderRemoved() {}, onMessageRemoved() {}, onFolderPropertyChanged() {}, onFolderIntPropertyChanged() {},
    onFolderBoolPropertyChanged() {}, onFolderPropertyFlagChanged() {} };
  MailServices.mailSession.AddFolderListener(listener, Ci.nsIFolderListener.event);
  folder.updateFolder(null);
  setTimeout(resolve, 5000);
});
const until = async (what, seconds = 20) => {
  for (let i = 0; i < seconds * 10; i++) { const is = await what(); if (is) return is; await new Promise(resolve => setTimeout(resolve, 100)); }
  throw new Error("time-out: " + what);
};
const copied = begin => new Promise((resolve, reject) => begin({ onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() {},
  onStopCopy(status) { Components.isSuccessCode(status) ? resolve() : reject(new Error("copy " + status.toString(16))); } }));
"""

STEPS = [
    ("trusts the house's authority", r"""
      Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(given.ca, "CT,C,C");
    """),
    ("sets up an account", r"""
      for (const [scheme, port] of [["imap", given.imaps], ["smtp", given.submissions]]) {
        const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
        login.init(`${scheme}://localhost`, null, `${scheme}://localhost`, "alice", "alice-secret", "", "");
        await Services.logins.addLoginAsync(login);
      }
      const incoming = MailServices.accounts.createIncomingServer("alice", "localhost", "imap");
      incoming.port = given.imaps;
      incoming.socketType = Ci.nsMsgSocketType.SSL;
      incoming.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
      incoming.valid = true;
      const outgoing = MailServices.outgoingServer.createServer("smtp");
      const smtp = outgoing.QueryInterface(Ci.nsISmtpServer);
      smtp.hostname = "localhost";
      smtp.port = given.submissions;
      smtp.socketType = Ci.nsMsgSocketType.SSL;
      smtp.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
      smtp.username = "alice";
      MailServices.outgoingServer.defaultServer = outgoing;
      const identity = MailServices.accounts.createIdentity();
      identity.email = "alice@home.example";
      identity.fullName = "Alice";
      identity.smtpServerKey = outgoing.key;
      identity.composeHtml = false;
      const made = MailServices.accounts.createAccount();
      made.incomingServer = incoming;
      made.addIdentity(identity);
      MailServices.accounts.defaultAccount = made;
      incoming.performExpand(null);
      await until(() => inbox());
      identity.doFcc = true;
      identity.fccFolderURI = root().URI + "/Sent";
    """),
    ("sees the messages", r"""
      await until(async () => { await update(inbox()); return messages(inbox()).length == 4; });
    """),
    ("reads one", r"""
      const hdr = about(inbox(), "letter one"), uri = inbox().getUriForMsg(hdr);
      const text = await new Promise((resolve, reject) => {
        let all = "";
        MailServices.messageServiceFromURI(uri).streamMessage(uri, {
          QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]),
          onStartRequest() {},
          onDataAvailable(request, stream, offset, count) {
            const input = Cc["@mozilla.org/scriptableinputstream;1"].createInstance(Ci.nsIScriptableInputStream);
            input.init(stream);
            all += input.read(count);
          },
          onStopRequest(request, status) { Components.isSuccessCode(status) ? resolve(all) : reject(new Error(status.toString(16))); },
        }, null, null, false, "", false);
      });
      if (!text.includes("the text of letter one")) throw new Error(text);
      inbox().markMessagesRead([hdr], true);
    """),
    ("flags one", r"""
      inbox().markMessagesFlagged([about(inbox(), "letter two")], true);
    """),
    ("makes a folder", r"""
      root().createSubfolder("Kept", null);
      await until(() => named("Kept"));
    """),
    ("moves one", r"""
      await copied(listener => MailServices.copy.copyMessages(inbox(), [about(inbox(), "letter three")], named("Kept"), true, listener, null, false));
      await until(() => !about(inbox(), "letter three"));
    """),
    ("deletes one", r"""
      await copied(listener => inbox().deleteMessages([about(inbox(), "letter four")], null, true, false, listener, false));
      await until(() => !about(inbox(), "letter four"));
    """),
    ("searches on the server", r"""
      const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
      session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, inbox());
      const term = session.createTerm(), value = term.value;
      value.attrib = Ci.nsMsgSearchAttrib.Body;
      value.str = "letter two";
      [term.attrib, term.op, term.value, term.booleanAnd] = [Ci.nsMsgSearchAttrib.Body, Ci.nsMsgSearchOp.Contains, value, true];
      session.appendTerm(term);
      const found = await new Promise(resolve => {
        const hits = [];
        session.registerListener({ onSearchHit(hdr) { hits.push(hdr.mime2DecodedSubject); }, onSearchDone() { resolve(hits); }, onNewSearch() {} });
        session.search(null);
      });
      if (found.join() != "letter two") throw new Error(found.join());
    """),
    ("sends", r"""
      const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
      fields.from = "Alice <alice@home.example>";
      fields.to = "bob@home.example";
      fields.subject = "sent by Thunderbird";
      fields.body = "written in Thunderbird\r\n";
      const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
      [params.composeFields, params.format, params.identity] = [fields, Ci.nsIMsgCompFormat.PlainText, account().defaultIdentity];
      params.type = Ci.nsIMsgCompType.New;
      const send = Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend);
      await new Promise((resolve, reject) => {
        const listener = {
          QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener", "nsIMsgCopyServiceListener"]),
          onStartSending() {}, onProgress() {}, onStatus() {}, onGetDraftFolderURI() {}, onSendProgress() {}, onSendNotPerformed() {}, onTransportSecurityError() {},
          onStopSending(id, status) { if (!Components.isSuccessCode(status)) reject(new Error("send " + status.toString(16))); },
          onStartCopy() {}, setMessageKey() {}, getMessageId() {},
          onStopCopy(status) { Components.isSuccessCode(status) ? resolve() : reject(new Error("copy " + status.toString(16))); },
        };
        send.createAndSendMessage(null, account().defaultIdentity, account().key, fields, false, false, Ci.nsIMsgSend.nsMsgDeliverNow, null,
          "text/plain", fields.body, null, null, listener, null, null, Ci.nsIMsgCompType.New).catch(reject);
      });
    """),
    ("sees what arrives while it is idle", r"""
      await update(inbox());
      await until(() => about(inbox(), "pushed"), 30);
    """),
]


class Marionette:
    """The few commands of it that are needed: length-prefixed JSON [type, id, name, parameters]."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=90)
        self.rest, self.id = b"", 0
        self.read()

    def read(self):
        while b":" not in self.rest:
            self.more()
        length, _, self.rest = self.rest.partition(b":")
        while len(self.rest) < int(length):
            self.more()
        message, self.rest = self.rest[:int(length)], self.rest[int(length):]
        return json.loads(message)

    def more(self):
        octets = self.socket.recv(65536)
        if not octets:
            raise EOFError("Thunderbird has gone")
        self.rest += octets

    def ask(self, name, **parameters):
        self.id += 1
        octets = json.dumps([0, self.id, name, parameters]).encode()
        self.socket.sendall(b"%d:" % len(octets) + octets)
        _, _, error, result = self.read()
        if error:
            raise RuntimeError(error.get("message", str(error)))
        return result


def main():
    folder, imaps, submissions, authority = sys.argv[1:]
    port = int(imaps) + 7
    os.makedirs(f"{folder}/profile", exist_ok=True)
    with open(f"{folder}/profile/user.js", "w") as file:
        for name, value in {"marionette.port": port, "app.donation.eoy.version.viewed": 999, "mail.provider.suppress_dialog_on_startup": True, "mail.spotlight.firstRunDone": True,
                            "mail.shell.checkDefaultClient": False, "mailnews.start_page.enabled": False, "app.update.enabled": False, "datareporting.policy.dataSubmissionEnabled": False,
                            "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False, "extensions.update.enabled": False,
                            "toolkit.telemetry.enabled": False, "mail.server.default.check_all_folders_for_new": False, "mailnews.auto_config.fetchFromISP.enabled": False,
                            "mail.rights.version": 1, "browser.safebrowsing.enabled": False, "mail.imap.use_status_for_biff": False, "mail.server.default.autosync_offline_stores": False}.items():
            file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
    program = subprocess.Popen(["thunderbird", "--headless", "--no-remote", "--profile", f"{folder}/profile", "--marionette", "--remote-allow-system-access"],
                               stdout=open(f"{folder}/out", "w"), stderr=subprocess.STDOUT, env={**os.environ, "HOME": folder, "MOZ_CRASHREPORTER_DISABLE": "1"})
    with open(authority) as file:
        certificate = "".join(line.strip() for line in file if not line.startswith("-"))
    given = json.dumps({"imaps": int(imaps), "submissions": int(submissions), "ca": certificate})
    failed = False
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                client = Marionette(port)
                break
            except OSError:
                if time.monotonic() > deadline or program.poll() is not None:
                    raise
                time.sleep(0.2)
        client.ask("WebDriver:NewSession", capabilities={})
        client.ask("Marionette:SetContext", value="chrome")
        client.ask("WebDriver:SetTimeouts", script=60000)
        for name, script in STEPS:
            body = COMMON + f"const given = {given};\n(async () => {{ {script} }})().then(() => done(''), error => done(String(error) + ' ' + (error.stack || '')));"
            try:
                answer = client.ask("WebDriver:ExecuteAsyncScript", script=body, args=[], newSandbox=True, sandbox="system")
                why = answer["value"]
            except RuntimeError as error:
                why = str(error)
            print(f"ok {name}" if not why else f"FAIL {name}: {why}", flush=True)
            if why:
                failed = True
                break
            if name == "sends":
                # The test's own doing: a message comes in while Thunderbird waits.
                open(f"{folder}/waits", "w").close()
        try:
            client.ask("Marionette:Quit", flags=["eForceQuit"])
        except (RuntimeError, EOFError, OSError):
            pass
    except (OSError, EOFError, RuntimeError) as error:
        print(f"FAIL begins: {error}")
        failed = True
    finally:
        try:
            program.wait(10)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
    sys.exit(failed)


if __name__ == "__main__":
    main()
