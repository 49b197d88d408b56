"""What LaTeX's commands stand for in a formula: letters, operators, accents, functions and spaces."""

from __future__ import annotations

__all__ = [
    "ACCENTS", "ALPHABETS", "FENCES", "FUNCTIONS", "LARGE", "LETTERS", "LIMITS", "OPERATORS", "SPACES", "lettered",
]  # fmt: skip

LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "varrho": "ϱ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "ϕ", "varphi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "ell": "ℓ", "hbar": "ℏ", "infty": "∞",
    "emptyset": "∅", "varnothing": "∅", "Re": "ℜ", "Im": "ℑ", "aleph": "ℵ", "partial": "∂", "nabla": "∇", "top": "⊤",
    "bot": "⊥", "perp": "⊥", "%": "%", "#": "#", "$": "$", "&": "&", "_": "_", "degree": "°",
}  # fmt: skip
OPERATORS = {
    "cdot": "⋅", "times": "×", "div": "÷", "pm": "±", "mp": "∓", "ast": "∗", "star": "⋆", "circ": "∘", "bullet": "∙",
    "oplus": "⊕", "otimes": "⊗", "odot": "⊙", "cap": "∩", "cup": "∪", "setminus": "∖", "wedge": "∧", "land": "∧",
    "vee": "∨", "lor": "∨", "neg": "¬", "lnot": "¬", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "lt": "<", "gt": ">",
    "leqslant": "⩽", "geqslant": "⩾", "ll": "≪", "gg": "≫", "ne": "≠", "neq": "≠", "approx": "≈", "sim": "∼",
    "simeq": "≃", "cong": "≅", "equiv": "≡", "propto": "∝", "in": "∈", "notin": "∉", "ni": "∋", "subset": "⊂",
    "subseteq": "⊆", "supset": "⊃", "supseteq": "⊇", "forall": "∀", "exists": "∃", "to": "→", "rightarrow": "→",
    "longrightarrow": "⟶", "leftarrow": "←", "gets": "←", "leftrightarrow": "↔", "Rightarrow": "⇒", "implies": "⟹",
    "Leftarrow": "⇐", "Leftrightarrow": "⇔", "iff": "⟺", "mapsto": "↦", "uparrow": "↑", "downarrow": "↓",
    "ldots": "…", "dots": "…", "cdots": "⋯", "vdots": "⋮", "ddots": "⋱", "colon": ":", "mid": "∣", "nmid": "∤",
    "parallel": "∥", "prime": "′", "therefore": "∴", "because": "∵", "triangle": "△", "angle": "∠", "dagger": "†",
    "coloneqq": "≔",
}  # fmt: skip
LARGE = {
    "sum": "∑", "prod": "∏", "coprod": "∐", "int": "∫", "iint": "∬", "oint": "∮", "bigcup": "⋃", "bigcap": "⋂",
    "bigoplus": "⨁", "bigotimes": "⨂", "bigvee": "⋁", "bigwedge": "⋀",
}  # fmt: skip
FENCES = {
    "(": "(", ")": ")", "[": "[", "]": "]", "|": "|", "/": "/", "\\{": "{", "\\}": "}", "\\lbrace": "{",
    "\\rbrace": "}", "\\|": "‖", "\\lVert": "‖", "\\rVert": "‖", "\\Vert": "‖", "\\lvert": "|", "\\rvert": "|",
    "\\vert": "|", "\\langle": "⟨", "\\rangle": "⟩", "\\lfloor": "⌊", "\\rfloor": "⌋", "\\lceil": "⌈", "\\rceil": "⌉",
    ".": "",
}  # fmt: skip
ACCENTS = {
    "hat": "^", "widehat": "^", "bar": "¯", "overline": "¯", "tilde": "~", "widetilde": "~", "vec": "→", "dot": "˙",
    "ddot": "¨", "check": "ˇ", "breve": "˘",
}  # fmt: skip
FUNCTIONS = set(
    "exp log ln lg sin cos tan cot sinh cosh tanh arcsin arccos arctan det dim ker rank deg gcd hom Pr sgn".split()
)
LIMITS = {"max": "max", "min": "min", "sup": "sup", "inf": "inf", "lim": "lim", "argmax": "arg max", "arg": "arg"}
SPACES = {",": 0.167, ":": 0.222, ">": 0.222, ";": 0.278, "!": -0.167, " ": 0.25, "quad": 1.0, "qquad": 2.0}  # em

DOUBLE = {"C": "ℂ", "H": "ℍ", "N": "ℕ", "P": "ℙ", "Q": "ℚ", "R": "ℝ", "Z": "ℤ"}
SCRIPT = {"B": "ℬ", "E": "ℰ", "F": "ℱ", "H": "ℋ", "I": "ℐ", "L": "ℒ", "M": "ℳ", "R": "ℛ", "e": "ℯ", "g": "ℊ", "o": "ℴ"}
ALPHABETS = {
    "mathbb": (0x1D538, 0x1D552, DOUBLE),
    "mathcal": (0x1D49C, 0x1D4B6, SCRIPT),
    "mathscr": (0x1D49C, 0x1D4B6, SCRIPT),
}


def lettered(alphabet: str, letter: str) -> str:
    """Return a letter of another alphabet: "ℝ" for "mathbb", "R"; any other sign as it is."""
    upper, lower, odd = ALPHABETS[alphabet]
    if letter in odd:
        return odd[letter]
    if "A" <= letter <= "Z":
        return chr(upper + ord(letter) - ord("A"))
    if "a" <= letter <= "z":
        return chr(lower + ord(letter) - ord("a"))
    return letter
