"""A Hugging Face hub on this machine, as far as models are pushed and fetched: commits in memory, behind HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml


class Hub:
    """Models by name, each a list of commits: files by path."""

    def __init__(self):
        self.models, self.asked = {}, []

    def commit(self, name, files):
        before = self.models[name][-1] if self.models[name] else {}
        self.models[name].append(before | files)

    def at(self, name, revision):
        """The number of a commit and its files."""
        commits = self.models[name]
        number = next((i for i in range(len(commits)) if sha(name, i) == revision), len(commits) - 1)
        return number, commits[number]

    def knows(self, name, revision):
        return revision == "main" or revision in {sha(name, i) for i in range(len(self.models[name]))}


def sha(name, number):
    return hashlib.sha1(f"{name} {number}".encode()).hexdigest()


def handler(hub):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self, content, code=200, **headers):
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(code)
            for name, value in ({"Content-Length": len(body)} | headers).items():
                self.send_header(name.replace("_", "-"), str(value))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def missing(self, what):
            self.answer({"error": what}, 404, X_Error_Code=what)

        def body(self):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def do_POST(self):
            hub.asked.append(("POST", self.path))
            content = self.body()
            if self.path == "/api/repos/create":
                asked = json.loads(content)
                name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
                hub.models.setdefault(name, [])
                self.answer({"url": f"http://{self.headers['Host']}/{name}", "name": name})
            elif found := re.fullmatch(r"/api/models/(.+)/preupload/(.+)", self.path):
                files = [
                    {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for one in json.loads(content)["files"]
                ]
                self.answer({"files": files})
            elif found := re.match(r"/api/models/(.+)/commit/([^?]+)", self.path):
                lines = [json.loads(line) for line in content.splitlines()]
                files = {
                    line["value"]["path"]: base64.b64decode(line["value"]["content"])
                    for line in lines
                    if line["key"] == "file"
                }
                hub.commit(found[1], files)
                oid = sha(found[1], len(hub.models[found[1]]) - 1)
                address = f"http://{self.headers['Host']}/{found[1]}/commit/{oid}"
                self.answer({"commitUrl": address, "commitOid": oid, "success": True})
            elif self.path == "/api/validate-yaml":
                yaml.safe_load(re.match(r"---\n(.*?)\n---\n", json.loads(content)["content"], re.DOTALL)[1])
                self.answer({"errors": [], "warnings": []})
            else:
                self.missing("EntryNotFound")

        def do_GET(self):
            hub.asked.append((self.command, self.path))
            path = self.path.partition("?")[0]
            if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", path):
                name, revision = found[1], found[3] or "main"
                if not hub.models.get(name):
                    self.missing("RepoNotFound")
                elif not hub.knows(name, revision):
                    self.missing("RevisionNotFound")
                elif found[2] == "tree":
                    files = hub.at(name, revision)[1]
                    self.answer(
                        [
                            {"type": "file", "path": path, "size": len(content), "oid": etag(content)}
                            for path, content in files.items()
                        ]
                    )
                else:
                    number, files = hub.at(name, revision)
                    self.answer(
                        {"id": name, "sha": sha(name, number), "siblings": [{"rfilename": one} for one in files]}
                    )
            elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                number, files = hub.at(found[1], found[2])
                if found[3] in files:
                    content = files[found[3]]
                    self.answer(content, ETag=f'"{etag(content)}"', X_Repo_Commit=sha(found[1], number))
                else:
                    self.missing("EntryNotFound")
            else:
                self.missing("EntryNotFound")

        do_HEAD = do_GET

    return Handler


def etag(content):
    return hashlib.sha1(content).hexdigest()


@contextmanager
def served():
    """The hub and its address, while it runs."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(hub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
