"""The dashboard: a process of its own, and a client of the API like any other, so that looking never slows control.

    turnout up ── listens on the dashboard's port, hands the socket to ──► turnout dashboard --serve-fd N
                                                                             server   uvicorn, NiceGUI
    a browser ── Gate: Host, Origin, cookie ── Policy: CSP ── NiceGUI ──►    frame    what all pages have
                                                                             pages/   one module per page
    the API ◄── Feeds: one question per second, however many browsers ◄──    visit    one browser on one page

How to add a page: write `pages/<name>.py` with

    def build(visit: Visit) -> None:            # makes the page's elements, inside <main>
        heading = tag("h1", "Problems")
        def show(status: Any) -> None:          # called with every new answer, and only while the browser looks
            ...                                 # change texts and attributes of elements; make no new ones needlessly
        visit.watch("status", show)             # GET /turnout/v1/status, once a second for all browsers together

    PAGE = Page("/problems", "Problems", build) # path (`{name}` is visit.path["name"]), label in the top bar

and add its name to `pages.NAMES`, in the order of the top bar. Then there is:

- `visit.path`, `visit.query`: what the URL says; `visit.remember(seconds="60")` puts the page's choices into it, so
  that a reload (the page reloads itself after a restart) finds them again;
- `visit.watch(view, show, every_seconds=…, **query)`: the answers of one view, until the browser leaves;
- `await visit.ask(lambda client: …)`: anything else of `turnout.client`, in a thread; raises TurnoutError;
- `visit.say(text)`: a short notice; `visit.fail(error)`: a TurnoutError with its hint;
- `markup.tag(name, text, …)`: plain HTML elements, with attributes as keywords; `Table`: rows that change in place;
  `Keyed`: any other list whose entries do; `Dialog`: a question before something grave;
- `assets/turnout.css`: the design; colours are its variables (`--ink`, `--good`, `--bad` …), never literals, so that
  both themes work. Classes to use: `card`, `toolbar`, `button`, `muted`, `pill good|warn|bad`, `grid`, `figures`.

A page works with the keyboard alone and at 390 px, has one `h1`, and says with words what it says with colour.
"""
