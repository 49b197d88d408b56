"""JupyterHub for this course on one machine: everybody is a user of it, with a home that nobody else reads.

    jupyterhub -f docs/jupyterhub_config.py        as root, from any folder; docs/jupyterhub.md says what it needs

A starting point that was run as it stands. Behind a web server with TLS, and with your own login, the rest stays.
"""

import os
import sys

c = get_config()  # noqa: F821, given by traitlets

PREFIX = os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))  # the environment that all servers run in
TERM = "/srv/deep-learning-lab"  # the exchange, and what the hub keeps

c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.db_url = f"sqlite:///{TERM}/hub/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = f"{TERM}/hub/cookie_secret"
c.ConfigurableHTTPProxy.pid_file = f"{TERM}/hub/proxy.pid"

# Who may log in: users of the machine, by their passwords, who are in the group `students` or named here.
c.JupyterHub.authenticator_class = "pam"
c.LocalAuthenticator.allowed_groups = {"students"}
c.Authenticator.allowed_users = {"lecturer", "assistant"}

# One account grades; who helps to mark opens its server, /user/lecturer/formgrader, with their own login.
TO_MARK = ["access:servers!user=lecturer", "servers!user=lecturer", "read:users:name!user=lecturer"]
c.JupyterHub.load_roles = [{"name": "marking", "scopes": TO_MARK, "users": ["assistant"]}]

# Each server is a process of its user, in the course's environment, and starts in their home.
c.Spawner.cmd = [f"{PREFIX}/bin/jupyterhub-singleuser"]
c.Spawner.notebook_dir = "~"
c.Spawner.default_url = "/lab"
c.Spawner.environment = {
    "PATH": f"{PREFIX}/bin:/usr/local/bin:/usr/bin:/bin",
    "OMP_NUM_THREADS": "2",  # of a machine that many share; a training takes its seconds whatever it is
}
