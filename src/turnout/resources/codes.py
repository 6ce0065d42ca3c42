"""Every problem code, in one table. docs/problems.md explains each; a test compares the two."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.problem import ObjectPath, Place, Problem, Severity

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


@dataclass(frozen=True, slots=True)
class Code:
    """`hint`: what helps in general; a finding may bring a better one."""

    code: str
    severity: Severity
    meaning: str
    hint: str | None = None


_TABLE = (
    # TNO001 to TNO099: reading YAML, and the shape of an object
    Code("TNO001", ERROR, "the file is not valid YAML"),
    Code("TNO002", ERROR, "the file contains a character that YAML does not allow", "save the file as UTF-8 text"),
    Code("TNO003", ERROR, "a tab indents a line", "YAML is indented with spaces only: replace the tab"),
    Code("TNO004", ERROR, "a key is given twice in one mapping", "remove one of the two"),
    Code("TNO005", ERROR, "a document is not an object", "a manifest is a mapping with apiVersion, kind and metadata"),
    Code(
        "TNO006",
        ERROR,
        "the file exceeds a bound: size, nesting, or what its aliases expand to",
        "split the file, or write the repeated parts out",
    ),
    Code("TNO007", ERROR, "an alias or a merge key cannot be resolved"),
    Code("TNO008", ERROR, "a key or a value that JSON cannot carry"),
    Code(
        "TNO009",
        ERROR,
        "the file is empty",
        "delete the file if its objects are to go; a comment makes it empty on purpose",
    ),
    Code("TNO010", ERROR, "apiVersion or kind is missing", "each object starts with `apiVersion:` and `kind:`"),
    Code("TNO011", WARNING, "this kind is not known and is left out"),
    Code("TNO012", ERROR, "the field does not exist", "run `kubectl explain` or see Istio's reference for the fields"),
    Code("TNO013", ERROR, "the value has the wrong type"),
    Code("TNO014", ERROR, "a required field is missing"),
    Code("TNO015", ERROR, "the value is none of those allowed"),
    Code("TNO016", ERROR, "the number is out of range"),
    Code("TNO017", ERROR, "the value is no duration", "write a number with a unit, such as 500ms, 2s, 1m or 1m30s"),
    Code("TNO018", ERROR, "several fields are set of which only one may be"),
    Code("TNO019", WARNING, "a field looks misspelt and is ignored"),
    Code("TNO020", ERROR, "the object has more faults than are listed"),
    # TNO101 to TNO199: what one object says
    Code("TNO101", ERROR, "a name has the wrong form"),
    Code(
        "TNO102",
        ERROR,
        "a label's key or value has the wrong form",
        "use at most 63 letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit",
    ),
    Code("TNO103", ERROR, "a host name has the wrong form", "labels of letters, digits and `-`, joined by dots"),
    Code("TNO104", ERROR, "a port is missing or out of range"),
    Code("TNO105", ERROR, "a name or a number that must be unique is given twice"),
    Code("TNO106", ERROR, "a duration is too short or too precise", "durations are whole milliseconds, 1ms or more"),
    Code("TNO107", ERROR, "a percentage is out of range"),
    Code("TNO108", ERROR, "a number must not be negative"),
    Code("TNO110", ERROR, "nothing is routed: a route leads nowhere, or there is none"),
    Code("TNO111", ERROR, "a route does two things that exclude each other", "remove one of the two"),
    Code("TNO112", ERROR, "weights are negative, or nobody has any"),
    Code("TNO113", ERROR, "a destination is missing or its host is invalid"),
    Code("TNO114", ERROR, "a regular expression is not valid", "Envoy reads RE2: github.com/google/re2/wiki/Syntax"),
    Code("TNO115", ERROR, "a match can match nothing"),
    Code("TNO116", ERROR, "a header cannot be matched or changed under this name"),
    Code("TNO117", ERROR, "a header value is not valid"),
    Code("TNO118", ERROR, "the authority is set in two places"),
    Code("TNO119", ERROR, "a redirect is not valid"),
    Code("TNO120", ERROR, "a rewrite is not valid"),
    Code("TNO121", ERROR, "an HTTP status cannot be sent"),
    Code("TNO122", ERROR, "a retry policy is not valid"),
    Code("TNO123", ERROR, "an injected fault is not valid"),
    Code("TNO124", ERROR, "a CORS policy is not valid"),
    Code("TNO125", ERROR, "delegation is not possible here"),
    Code("TNO126", ERROR, "the hosts of a VirtualService overlap, or are too wide"),
    Code("TNO127", ERROR, "a TLS route does not say which SNI hosts it takes, or takes others than its own"),
    Code("TNO128", ERROR, "exportTo is not valid", "use `.`, `*` or names of namespaces, each once"),
    Code(
        "TNO129", ERROR, "a gateway is not named properly", "write <namespace>/<name>, or <name> in the same namespace"
    ),
    Code("TNO130", WARNING, "a gateway is named in the old way"),
    Code("TNO131", WARNING, "a field is deprecated"),
    Code("TNO132", ERROR, "the body of a direct response is too large", "serve it from a workload"),
    Code("TNO133", WARNING, "the body of a direct response is large"),
    Code("TNO134", WARNING, "an abort has no status and does nothing"),
    Code("TNO135", WARNING, "an IP address is used as SNI host"),
    Code("TNO140", ERROR, "a policy is given, but empty"),
    Code("TNO142", ERROR, "load balancing is not valid"),
    Code("TNO143", ERROR, "locality load balancing is not valid"),
    Code("TNO144", ERROR, "warm-up is not valid"),
    Code("TNO145", ERROR, "a connection pool is not valid"),
    Code("TNO146", ERROR, "outlier detection is not valid"),
    Code("TNO147", ERROR, "the TLS settings towards a destination are not valid"),
    Code("TNO148", ERROR, "a workload selector is not valid"),
    Code("TNO149", WARNING, "a workload selector selects every workload of the namespace"),
    Code("TNO150", WARNING, "failover has no effect"),
    Code("TNO151", ERROR, "a tunnel is not valid"),
    Code("TNO155", ERROR, "a Gateway has no servers, or a server no hosts"),
    Code("TNO156", ERROR, "the port of a Gateway's server is not valid"),
    Code("TNO157", ERROR, "a server's TLS settings do not fit its protocol"),
    Code("TNO158", ERROR, "a server's certificates are missing or contradict each other"),
    Code("TNO159", WARNING, "a part of a server's TLS settings has no effect"),
    Code("TNO160", ERROR, "a server cannot bind to this address"),
    Code("TNO161", WARNING, "httpsRedirect has no effect"),
    Code("TNO165", ERROR, "a ServiceEntry has no hosts"),
    Code("TNO166", ERROR, "what a ServiceEntry names does not fit how it is resolved"),
    Code("TNO167", ERROR, "the endpoints of a ServiceEntry do not fit how it is resolved"),
    Code("TNO168", ERROR, "an endpoint of a ServiceEntry is not valid"),
    Code("TNO169", WARNING, "a part of a ServiceEntry has no effect, or more than is meant"),
    Code("TNO170", ERROR, "a filter of a route is not valid"),
    Code("TNO171", ERROR, "a listener does not say which routes it takes"),
    Code("TNO172", ERROR, "there are more entries than Gateway API allows", "make two objects of it"),
    Code("TNO173", WARNING, "a part of an object of Gateway API has no effect, or none but errors"),
    Code("TNO180", ERROR, "a Service is not valid"),
    Code("TNO181", ERROR, "a Deployment's selector does not select its own pods"),
    Code("TNO182", ERROR, "a pod template has no container, or a container no image"),
    Code("TNO183", ERROR, "an environment variable is not valid"),
    Code("TNO184", ERROR, "a probe is not valid"),
    Code("TNO185", ERROR, "the data of a ConfigMap or Secret is not valid"),
    Code("TNO186", ERROR, "the steps of a Rollout cannot be carried out"),
    Code("TNO187", ERROR, "a guard of a Rollout cannot judge, or a step has none"),
    Code("TNO188", ERROR, "a hook of a Rollout cannot be called"),
    # TNO201 to TNO249: files, turnout.yaml, edits in place
    Code("TNO201", ERROR, "a file or folder cannot be read"),
    Code("TNO202", ERROR, "a file is too large, or a folder has too many files", "name the folder with the manifests"),
    Code("TNO203", WARNING, "a YAML document is no Kubernetes object and is left out", "keep other files elsewhere"),
    Code("TNO204", ERROR, "an object is in two places", "keep one of them; until then neither file is applied"),
    Code("TNO205", WARNING, "a folder has no manifest in it"),
    Code(
        "TNO206",
        WARNING,
        "the templates of a chart are not checked",
        "pip install 'turnout[helm]', then name the chart",
    ),
    Code("TNO207", ERROR, "a Helm chart cannot be rendered"),
    Code(
        "TNO208", ERROR, "Helm is needed to render a chart", "pip install 'turnout[helm]', or put a `helm` on the PATH"
    ),
    Code("TNO209", ERROR, "a kustomization cannot be built", "see what `kubectl kustomize` says"),
    Code("TNO210", ERROR, "turnout.yaml has a key that does not exist"),
    Code("TNO211", ERROR, "a value in turnout.yaml or skaffold.yaml has the wrong type"),
    Code(
        "TNO212",
        ERROR,
        "an image in turnout.yaml has no way to run",
        "add `run: COMMAND`, or `attach: HOST:PORT` for something that already runs",
    ),
    Code("TNO213", ERROR, "an image in turnout.yaml has both run and attach", "keep one of them"),
    Code("TNO214", ERROR, "an address in turnout.yaml is no host and port", "write it like `127.0.0.1:9000`"),
    Code("TNO215", ERROR, "the context folder does not exist", "`context` is relative to the folder of turnout.yaml"),
    Code("TNO216", WARNING, "a key in turnout.yaml has no effect beside attach"),
    Code("TNO217", ERROR, "a gateway port is no port", "a Gateway's port, then the one to listen on: `80: 8080`"),
    Code("TNO218", ERROR, "a glob can match no file", "a glob is relative to `context`: `**/*.py`"),
    Code("TNO219", WARNING, "Turnout writes objects of this kind itself, and leaves this one out"),
    Code("TNO220", ERROR, "a value cannot be changed in its file", "change the file by hand"),
    Code("TNO221", WARNING, "a part of skaffold.yaml has no effect here"),
    Code("TNO222", ERROR, "a part of skaffold.yaml cannot be used"),
    Code("TNO223", WARNING, "values are given, and there is no chart"),
    Code("TNO250", ERROR, "a Deployment has nothing to run"),
    Code("TNO251", ERROR, "nothing says how to run an image", "add the image to turnout.yaml, with `run` or `attach`"),
    Code("TNO252", ERROR, "a ConfigMap, Secret or key that a container refers to does not exist"),
    Code("TNO253", WARNING, "a further container of a pod is not run", "run it as a Deployment of its own"),
    Code("TNO254", ERROR, "a workload does not come up, or does not stay up", "see `turnout logs WORKLOAD`"),
    # TNO301 to TNO399: what objects say together; codes of `istioctl analyze` (IST0101, …) are used as they are
    Code("TNO301", WARNING, "requests that change data are mirrored", "limit the mirrored route to GET and HEAD"),
    Code("TNO302", WARNING, "a field has no effect on one machine"),
    Code("TNO303", WARNING, "a Service selects no pods"),
    Code(
        "TNO304",
        WARNING,
        "a VirtualService is not exported to the gateway it is bound to",
        "export it to `istio-system` too",
    ),
    Code(
        "TNO305",
        WARNING,
        "a header value uses a variable that Envoy does not know; the header is left alone",
        "a percent sign is written %%",
    ),
    Code("TNO306", WARNING, "a Rollout names a service, a subset or a route that does not exist"),
    Code("TNO307", ERROR, "a subset is not there for some of those who call it"),
    Code("TNO308", WARNING, "a match is hidden by an earlier one"),
    Code("TNO309", WARNING, "retries do not fit into the timeout"),
    Code("TNO310", WARNING, "a weight changes nothing"),
    Code("TNO311", WARNING, "a route that is delegated is left out"),
    Code("TNO312", WARNING, "requests are sent to a subset that no Deployment stands behind"),
    Code("TNO313", WARNING, "a small weight touches many users' requests, for each makes many calls"),
    Code("TNO314", WARNING, "the host of a ServiceEntry is left to another object"),
    Code(
        "TNO320",
        WARNING,
        "a server of a Gateway is left out: another one has its port or its host",
        "TLS servers of one port need hosts of their own; plain HTTP, TLS and TCP need ports of their own",
    ),
    Code("TNO321", ERROR, "a server of a Gateway has no certificate to show, and is not served"),
    Code("TNO322", ERROR, "a DestinationRule names a certificate that is not there, or cannot be used"),
    Code("TNO330", ERROR, "a route of Gateway API is attached to nothing"),
    Code("TNO331", ERROR, "what a route or a listener refers to does not exist, or may not be named"),
    # TNO401 to TNO499: while it runs
    Code("TNO401", ERROR, "the manifests could not be applied"),
    Code("TNO402", ERROR, "a port of a Gateway is taken", "choose another: `--gateway-port 80=9080`"),
    Code("TNO403", ERROR, "Envoy rejected a configuration; the last good one stays in force", "please report this"),
    Code("TNO404", ERROR, "the state directory cannot be written; traffic goes on", "free some space"),
    Code("TNO405", ERROR, "a bug in Turnout; the last good state stays in force", "please report it, with crash.log"),
    Code("TNO406", ERROR, "two ports of Gateways listen on one port", "move one: `--gateway-port 8080=9080`"),
    Code(
        "TNO407",
        WARNING,
        "there are more kinds of requests than are told apart; further ones are counted as `other`",
        "room is made as older ones have no traffic for seven days",
    ),
    Code("TNO408", WARNING, "the collector takes no spans", "it has to take OTLP over gRPC; it is tried on and on"),
    Code("TNO420", WARNING, "the traffic of a cluster is not counted", "name its Prometheus: `--prometheus URL`"),
    Code("TNO421", WARNING, "objects of a cluster may not be read", "ask for the rights that docs/cluster.md lists"),
)

CODES = {code.code: code for code in _TABLE}


def problem(code: str, where: Place | ObjectPath | None, message: str, hint: str | None = None) -> Problem:
    """A finding with the severity, and unless it brings its own the hint, of its code."""
    entry = CODES[code]
    return Problem(code, entry.severity, message, where, hint or entry.hint)
