"""What does a kustomization render to, on a machine that has no kubectl?

The part of kustomize that deploy/k8s uses, and no more: whatever else a kustomization asks for is refused.
Where kubectl is installed, a test holds this against the real one, object by object.
"""

from kustomization.build import build
from kustomization.objects import Object, UnsupportedError

__all__ = ["Object", "UnsupportedError", "build"]
