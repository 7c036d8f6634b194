"""Muon: momentum whose update is made orthogonal (Jordan et al. 2024), for convolution weights.

A weight `[out, in, h, w]` counts as the matrix `[out, in * h * w]`. The update gets the size that AdamW's has (Liu et
al. 2025, "Muon is scalable for LLM training"), so that both share a learning rate.
"""

import math

import torch
from torch import Tensor

# Coefficients of the odd polynomial that drives all singular values towards 1.
QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """Returns the nearest matrix with singular values about 1 (Newton-Schulz iteration), `[m, n]`, m <= n."""
    a, b, c = QUINTIC
    x = matrix / (matrix.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


class Muon(torch.optim.Optimizer):
    """Descends along the orthogonal momentum; weights decay as in AdamW."""

    def __init__(self, params, lr: float, weight_decay: float, momentum: float = 0.95):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """Makes one step."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p.grad)
                average = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(average, group["momentum"]).reshape(len(p), -1)
                tall = ahead.shape[0] > ahead.shape[1]
                update = orthogonal(ahead.T).T if tall else orthogonal(ahead)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update.reshape(p.shape), alpha=-0.2 * group["lr"] * math.sqrt(max(ahead.shape)))


class Both:
    """Muon for convolutions with many inputs, AdamW for the rest, behind the face of one optimizer."""

    def __init__(self, convolutions: list, groups: list[dict], lr: float, weight_decay: float):
        self.muon = Muon(convolutions, lr, weight_decay)
        self.adamw = torch.optim.AdamW(groups, lr, betas=(0.9, 0.99), foreach=True)

    @property
    def param_groups(self) -> list[dict]:
        """The groups of both."""
        return self.muon.param_groups + self.adamw.param_groups

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        self.muon.zero_grad()
        self.adamw.zero_grad()

    def step(self) -> None:
        """Makes one step with both."""
        self.muon.step()
        self.adamw.step()

    def state_dict(self) -> dict:
        """Returns the state of both."""
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        """Takes up the state of both."""
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])
