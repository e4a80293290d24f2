"""Documents that tests begin with, and change."""

SOURCE = """\
apiVersion: openslo/v1
kind: DataSource
metadata:
  name: measured
spec:
  type: cxmesh
  connectionDetails:
    source: measurements
"""
SPEED = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: line-speed
  displayName: Speed of lines
  annotations:
    cxmesh.io/partner: acme-access
    cxmesh.io/effective-from: "2026-01-01T00:00:00+01:00"
    cxmesh.io/minimum-sample: "100"
spec:
  description: Lines are as fast as they were sold.
  service: broadband
  indicator:
    metadata:
      name: download
    spec:
      thresholdMetric:
        metricSource:
          metricSourceRef: measured
          spec:
            metric: download_mbps
  timeWindow:
    - duration: 1M
      calendar:
        startTime: 2026-01-01 00:00:00
        timeZone: Europe/Vienna
  budgetingMethod: Timeslices
  objectives:
    - op: gte
      value: 29.95
      targetPercent: 99.5
      timeSliceTarget: 0.9
      timeSliceWindow: 30m
"""
TRACED = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: open-line
  annotations:
    cxmesh.io/partner: acme-access
    cxmesh.io/effective-from: 2026-01-01T00:00:00Z
spec:
  service: iptv
  indicatorRef: answers
  timeWindow:
    - duration: 28d
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - target: 0.99
    - displayName: Mostly
      target: 0.9
---
apiVersion: openslo/v1
kind: SLI
metadata:
  name: answers
spec:
  ratioMetric:
    good:
      metricSource:
        type: cxmesh
        spec: {source: traces, metric: successes, operation: OpenLine}
    total:
      metricSource:
        type: cxmesh
        spec: {source: traces, metric: visits, operation: OpenLine}
"""
TERMS = """\
apiVersion: cxmesh/v1
kind: AgreementTerms
metadata:
  name: acme-2026
spec:
  partner: acme-access
  objectives: [line-speed]
  minimumSample: 500
  claimWindow: 30d
  fee: {amount: 12000.00, currency: EUR}
  credits:
    tiers:
      - {below: 99.5, feePercent: 5}
      - {below: 99, feePercent: 10}
      - {below: 95, amount: 5000}
    cap: {feePercent: 50, amount: 4000}
  exclusions:
    - kind: maintenance
      reason: announced work
      from: 2026-01-01T00:00:00Z
      weekly: {days: [sunday], at: "02:00", duration: 2h, timeZone: Europe/Vienna}
    - kind: customerFault
      reason: own modem
      from: 2026-02-01T00:00:00Z
      until: 2026-03-01T00:00:00Z
      customer: customers/c-1
"""
BASE = f"{SOURCE}---\n{SPEED}"
WITH_TERMS = f"{BASE}---\n{TERMS}"
POLICY = """\
  alertPolicies:
    - kind: AlertPolicy
      metadata: {name: fast}
      spec:
        alertWhenBreaching: true
        alertWhenResolved: false
        alertWhenNoData: true
        conditions:
          - conditionRef: burns
        notificationTargets:
          - targetRef: elsewhere
---
apiVersion: openslo/v1
kind: AlertCondition
metadata:
  name: burns
  annotations: {cxmesh.io/short-window: 10m, cxmesh.io/minimum-events: "3"}
spec:
  severity: page
  condition: {kind: burnrate, op: gt, threshold: 2.5, lookbackWindow: 2h, alertAfter: 5m}
"""
