"""Appends messages in many character sets over IMAPS and looks for their words: charsets.py PORT. Python's codecs are not those of HomeMail."""
import base64
import imaplib
import ssl
import sys

WORDS = {
    "us-ascii": "plain words", "utf-8": "žluťoučký 你好", "iso-8859-1": "Größe déjà", "iso-8859-2": "Příliš žluťoučký", "iso-8859-3": "ĉiuĵaŭde", "iso-8859-4": "mēnešu",
    "iso-8859-5": "Привет мир", "iso-8859-6": "مرحبا", "iso-8859-7": "Καλημέρα", "iso-8859-8": "שלום", "iso-8859-9": "ağış", "iso-8859-13": "žmonės",
    "iso-8859-15": "œuvre 5 €", "koi8-r": "Привет мир", "koi8-u": "їжак ґава", "windows-1250": "Příliš žluťoučký", "windows-1251": "Привет мир",
    "windows-1252": "“déjà” 5 €", "windows-1253": "Καλημέρα", "windows-1254": "ağış", "windows-1255": "שלום", "windows-1256": "مرحبا", "windows-1257": "žmonės",
    "windows-1258": "đơư", "windows-874": "สวัสดี", "ibm437": "naïve ½", "ibm850": "Größe", "ibm852": "žluťoučký", "ibm866": "Привет мир", "macintosh": "œuvre déjà",
    "shift_jis": "今日は漢字", "iso-2022-jp": "今日は漢字", "euc-jp": "今日は漢字", "gb2312": "你好世界", "gbk": "國際郵件", "gb18030": "你好㐀㐁", "hz-gb-2312": "你好世界",
    "big5": "國際郵件", "euc-kr": "안녕하세요", "ks_c_5601-1987": "안녕하세요", "iso-2022-kr": "안녕하세요",
}
CODECS = {"windows-874": "cp874", "macintosh": "mac_roman", "hz-gb-2312": "hz", "ks_c_5601-1987": "cp949"}


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def search(key, words):
    imap.literal = words.encode()
    return ok(imap.uid("SEARCH", "CHARSET", "UTF-8", key))[0].split()


imap = imaplib.IMAP4_SSL("127.0.0.1", int(sys.argv[1]), ssl_context=ssl._create_unverified_context(), timeout=120)
ok(imap.login("alice", "alice-secret"))
ok(imap.create("Charsets"))
for charset, words in WORDS.items():
    octets = words.encode(CODECS.get(charset, charset))
    subject = base64.b64encode(octets)
    ok(imap.append("Charsets", None, None, b"From: a@elsewhere.example\r\nSubject: =?" + charset.encode() + b"?B?" + subject + b"?=\r\nMIME-Version: 1.0\r\n"
                   b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + octets + b"\r\n"))
ok(imap.select("Charsets"))
missing = []
for uid, (charset, words) in enumerate(WORDS.items(), 1):
    for key in ("BODY", "SUBJECT"):
        if str(uid).encode() not in search(key, words):
            missing.append(f"{charset} ({key})")
assert not search("BODY", "none of these") and not missing, "not found: " + ", ".join(missing)
print(len(WORDS), "character sets")
