"""`make demo`: the articles' story, played on this machine. `python -m scripts.demo` from the project's folder."""
