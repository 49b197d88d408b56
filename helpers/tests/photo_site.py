"""A local stand-in for the photo site: it answers as Flickr's oEmbed service does."""

import contextlib
import http.server
import json
import threading
import urllib.parse

BASE_58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"


def number_of(short):
    """The number of a page in base 58, read."""
    number = 0
    for sign in short:
        number = 58 * number + BASE_58.index(sign)
    return number


def photo(number, licence, **more):
    """What the service says of a photo; its numbers come as text or as numbers."""
    return {
        "type": "photo", "title": f"photo {number}", "author_name": f"Author {number % 7}",
        "author_url": "https://www.flickr.com/photos/someone/", "license_id": str(licence),
        "web_page": f"https://www.flickr.com/photos/someone/{number}/", **more,
    }  # fmt: skip


@contextlib.contextmanager
def photo_site(answer):
    """Run a site whose `answer(number)` gives (status, headers, bytes); gives its address and what it was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            address = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(address.query))
            number = number_of(query["url"].removeprefix("https://flic.kr/p/")) if "url" in query else None
            asked.append(number)
            status, headers, body = answer(number)
            if status is None:  # hangs up
                return self.connection.close()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}/services/oembed/", asked
        finally:
            running.shutdown()
            thread.join()


def said(what, status=200):
    """An answer of the site: JSON."""
    return status, {"Content-Type": "application/json"}, json.dumps(what).encode()
