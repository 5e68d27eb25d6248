"""The two that send: tests/HomeMail.Load, one process for all of the run, and Postfix's smtp-source."""
import json
import resource
import subprocess
import time


class Load:
    """What it compiles when first used is compiled before anything is measured."""

    def __init__(self):
        self.process = subprocess.Popen(["dotnet", "tests/HomeMail.Load/bin/Release/net10.0/HomeMail.Load.dll", "serve"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __call__(self, verb, options):
        words = [verb] + [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        self.process.stdin.write(" ".join(words) + "\n")
        said = self.process.stdout.readline()
        if not said:
            raise RuntimeError("the load ended")
        return json.loads(said)


def smtp_source(port, messages, sessions, size, keep):
    """Messages a second until the last 250, and milliseconds of its own processor time for each; keep: connections are used again."""
    command = ["/usr/sbin/smtp-source", "-s", sessions, "-m", messages, "-l", size, "-f", "sender@client.example", "-t", "user0@home.example",
               "-M", "client.example"] + (["-d"] if keep else []) + [f"inet:127.0.0.1:{port}"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=False)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0 or done.stderr:
        raise RuntimeError(done.stderr.strip()[:200] or f"smtp-source ended with {done.returncode}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return messages / seconds, spent / messages * 1000
