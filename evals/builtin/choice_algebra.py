"""Questions of algebra and number theory: equations, sequences, multiples, bases, remainders."""

from __future__ import annotations

import math
import random

from .choice_question import Question, around


def equations(rng: random.Random) -> Question:
    a, b, x = rng.randint(2, 9), rng.randint(2, 25), rng.randint(2, 20)
    c = a * x + b
    ways = (
        f"Solve for x: {a}x + {b} = {c}.",
        f"Which number x satisfies {a}x + {b} = {c}?",
        f"A number is multiplied by {a}, and then {b} is added. The result is {c}. What is the number?",
    )
    return Question(ways, x, around(x, (c + b) // a, c - b - a, (c - b) // (a + 1)))


def both_sides(rng: random.Random) -> Question:
    a, c = rng.sample(range(2, 10), 2)
    a, c = max(a, c), min(a, c)
    x, b = rng.randint(2, 15), rng.randint(1, 12)
    d = (a - c) * x + b
    ways = (
        f"Solve for x: {a}x + {b} = {c}x + {d}.",
        f"For which value of x is {a}x + {b} equal to {c}x + {d}?",
        f"{a} times a number plus {b} is the same as {c} times the number plus {d}. What is the number?",
    )
    return Question(ways, x, around(x, (d + b) // (a - c), (d - b) // (a + c), d - b))


def arithmetic_terms(rng: random.Random) -> Question:
    first, step, n = rng.randint(2, 20), rng.randint(2, 12), rng.randint(9, 40)
    right = first + (n - 1) * step
    shown = ", ".join(str(first + i * step) for i in range(4))
    ways = (
        f"What is term number {n} of the sequence {shown}, ...?",
        f"A sequence begins {shown}, ... and goes on in the same way. What is its {n}th term?",
        f"The sequence {shown}, ... continues with the same step. Which number stands at position {n}?",
    )
    return Question(_spoken(ways, n), right, around(right, first + n * step, n * step, right - step, first * n))


def geometric_terms(rng: random.Random) -> Question:
    first, ratio, n = rng.randint(1, 6), rng.randint(2, 4), rng.randint(5, 8)
    right = first * ratio ** (n - 1)
    shown = ", ".join(str(first * ratio**i) for i in range(4))
    ways = (
        f"What is term number {n} of the sequence {shown}, ...?",
        f"A sequence begins {shown}, ... and each term is the same multiple of the one before. What is its {n}th term?",
        f"The sequence {shown}, ... continues with the same factor. Which number stands at position {n}?",
    )
    return Question(_spoken(ways, n), right, around(right, first * ratio**n, right // ratio, right + first))


def _spoken(ways: tuple[str, ...], n: int) -> tuple[str, ...]:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return tuple(way.replace(f"{n}th", f"{n}{ending}") for way in ways)


def multiples(rng: random.Random) -> Question:
    while True:
        a, b = sorted(rng.sample(range(4, 31), 2))
        if math.gcd(a, b) > 1 and b % a:
            break
    ways = (
        f"Two buses leave a stop together. One comes every {a} minutes, the other every {b} minutes. After how many "
        "minutes do they leave together again?",
        f"What is the least common multiple of {a} and {b}?",
        f"One lamp blinks every {a} seconds and another one every {b} seconds. They have just blinked together. In how "
        "many seconds do they do so again?",
    )
    right = math.lcm(a, b)
    return Question(ways, right, around(right, a * b, math.gcd(a, b), a + b, 2 * right))


def bases(rng: random.Random) -> Question:
    value = rng.randint(9, 63)
    bits = f"{value:b}"
    ways = (
        f"Which decimal number is {bits} in binary?",
        f"The binary number {bits} is written in decimal. What is it?",
        f"What is the value of {bits} in base 2, written in base 10?",
    )
    mirrored = int(bits[::-1], 2)
    return Question(ways, value, around(value, mirrored, value * 2, value // 2, value + 4))


def remainders(rng: random.Random) -> Question:
    base, power, modulus = rng.randint(2, 9), rng.randint(5, 30), rng.randint(5, 11)
    right = pow(base, power, modulus)
    ways = (
        f"What is the remainder when {base}^{power} is divided by {modulus}?",
        f"{base} to the power of {power} is divided by {modulus}. Which remainder is left?",
        f"Which number between 0 and {modulus - 1} is {base}^{power} modulo {modulus}?",
    )
    wrong = (base * power % modulus, pow(base, power - 1, modulus), pow(base, power + 1, modulus))
    return Question(ways, right, (*wrong, *((right + shift) % modulus for shift in (1, 2, 3, 4))))
