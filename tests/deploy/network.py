"""May one pod connect to another, by the network policies of a namespace?"""

from kustomization import Object

Labels = dict[str, str]


def may_connect(objects: list[Object], source: Labels, destination: Labels, port: int) -> bool:
    """Whether TCP from one pod to another of the same namespace is allowed, by both sides."""
    policies = [each["spec"] for each in objects if each["kind"] == "NetworkPolicy"]
    return _allowed(policies, "Egress", source, destination, port) and _allowed(
        policies, "Ingress", destination, source, port
    )


def may_leave(objects: list[Object], source: Labels, port: int) -> bool:
    """Whether TCP from a pod to any address outside the cluster is allowed."""
    policies = [each["spec"] for each in objects if each["kind"] == "NetworkPolicy"]
    return _allowed(policies, "Egress", source, None, port)


def _allowed(policies: list[Object], direction: str, pod: Labels, other: Labels | None, port: int) -> bool:
    binding = [each for each in policies if direction in each["policyTypes"] and _selects(each["podSelector"], pod)]
    if not binding:
        return True  # a pod that no policy speaks of is open
    rules = [rule for each in binding for rule in each.get(direction.lower(), [])]
    return any(_rule_allows(rule, direction, other, port) for rule in rules)


def _rule_allows(rule: Object, direction: str, other: Labels | None, port: int) -> bool:
    ports = [each["port"] for each in rule["ports"] if each["protocol"] == "TCP"]
    peers = rule.get("to" if direction == "Egress" else "from")
    if port not in ports:
        return False
    if peers is None:
        return True
    # A selector of namespaces here always means others than ours.
    return other is not None and any(
        "namespaceSelector" not in peer and _selects(peer["podSelector"], other) for peer in peers
    )


def _selects(selector: Object, labels: Labels) -> bool:
    for expression in selector.get("matchExpressions", []):
        if expression["operator"] != "In":
            raise NotImplementedError(expression["operator"])
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())
