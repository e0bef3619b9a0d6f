"""Pure function to function: grad, vjp, jvp, jacobian, hessian, hvp, checkpoint, custom_vjp; all on the one walk."""

from .reverse import checkpoint, custom_vjp, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = ["checkpoint", "custom_vjp", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]
