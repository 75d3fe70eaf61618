"""A small Slack-compatible workspace on loopback: to try an app without Slack, and to test it over the wire.

It knows nothing of the app that is connected to it. Parts: `state` (who and what there is), `blocks` (what
Slack refuses), `views` (modals and homes), `web_api` with `arguments` and `files`, `socket_mode` (the app's
side) and `delivery` (the same in HTTP mode), `people` (what they do), `server` (all of it over HTTP), `hands`
(one person's client), `page` (the same in a browser). Beside it, `git_host` serves repositories, so that no
other host is needed.
"""
