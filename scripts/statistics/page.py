"""The page: what the rules are, and the tables of what they did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

TEMPLATE = """\
# Statistics

How a rollout knows that a candidate is worse, or fine, and how often it is wrong. The tables are made by

```sh
make statistics
```

which simulates {total} rollouts in a few minutes and writes this page. Its source is `scripts/statistics`; the rules
themselves are `sequential.py`, `guard.py` and `rollout.py` in `src/turnout/delivery`.

## What is asked

A guard counts two streams of requests over the same time, of the candidate and of stable, and each request is good or
bad: it failed; or it took longer than 99 % of stable's did before the step began; or a query of one's own counts it.
So one test fits all. Answers that differ are judged where they are compared ([compare](compare.md)). Of the shares of
bad requests, p_c and p_s, two things may be proven:

| verdict | what is proven | wrong at most |
|---|---|---|
| `worse` | p_c > p_s | 5 % of the rollouts, over all guards, steps and looks together |
| `fine` | p_c < p_s + tolerance | 5 % of the rollouts, over all steps and looks together |
| `need about N more requests` | neither, yet | |

Both may be true, of an increase that is there and tolerated. So `worse` asks for more than its proof: requests have to
speak rather for an increase of the tolerance than for one of half of it. What is smaller than that mostly ends as
`fine`, what is larger than the tolerance as `worse`, and between the two either may come first.

A step is passed when all guards say `fine`; one `worse` ends the rollout. Without requests of both versions there is no
verdict.

## How it is proven

By betting. Each claim has an account that begins with 1, and bets on each block of requests that the claim is true. The
bets are fair, or worse than that, if it is not: then the account ever reaches 20 with a probability of at most 1/20,
whoever looks whenever (Ville's inequality). Reaching 20 is the proof, at 5 %.

- **The bet.** For a block of n_c and n_s requests, the likelihood of an alternative divided by that of the nearest
  point at which the claim is false. It is exact for blocks of any size, however unequal, and stable's own share may be
  another in each block: an outage that hits both versions is no evidence. Turner, Ly, Grünwald, [Generic E-variables
  for exact sequential k-sample tests that allow for optional stopping](https://arxiv.org/abs/2106.02693); Turner,
  Grünwald, [Exact anytime-valid confidence intervals for contingency tables and
  beyond](https://arxiv.org/abs/2203.09785). Why it is fair stands in `sequential.py`, in six lines; a test sums it up
  over all outcomes.
- **Steps and alternatives are merged.** An account is divided among several alternatives, and half of what is held back
  is staked as each step begins; a mean of such accounts is one again. It reaches its aim no later than if the 5 % were
  divided among the same parts, and mostly earlier. A little is also staked with every block, so that a candidate that
  turns bad late is caught although all earlier bets are lost.
- **Guards divide the 5 %.** With three of them, an account needs 60. The mean over guards would be enough to say that
  *something* is worse; divided, each single `worse` can be trusted, also beside a guard that is rightly worse.
- **`fine` is not divided.** A step is passed only when all guards say so, among them the one that should not; and of
  the steps that are passed wrongly, there is a first one. So the chance that any step is passed at which some guard's
  increase is as large as its tolerance, is at most 5 %.
- **Evidence counts while the split is true**: Clopper's and Pearson's interval (99.9 %) around the candidate's share of
  the requests has to meet what was asked for, and no longer hold what was there before.
- **Intervals** beside a verdict are confidence sequences (Robbins' mixture with a beta prior for each stream; Howard,
  Ramdas, McAuliffe, Sekhon, [Time-uniform, nonparametric, nonasymptotic confidence
  sequences](https://arxiv.org/abs/1810.08240)): they hold at every look together, as long as shares stay what they are.

What it rests on: whether a request is bad does not depend on how many others came in the same block. Failures that come
in bursts, such as those of one user who tries again and again, count as often as they come.

## The others

- **Flagger's rule**: at least 99 % of the candidate's requests of a minute succeed, or the check has failed; the fifth
  failed check is one too many. A check that passes is one step on. It looks at errors only, and its limit is fixed:
  where more requests fail anyway, somebody has to know that and set another.
- **z-test**: back as soon as a one-sided z-test of two proportions says p < 0.05 (divided among the guards, and from 30
  requests on), on after five minutes. It is what a dashboard and a calculator amount to.

All run the same plan: 1, 5, 25, 50 % of 200 requests a second, then promoted. Turnout looks every second, stays in a
step for a minute at least, and gives up after an hour. Guards: errors, and the shares slower than stable's p90
(tolerance 5 percentage points) and p99 (1 point), with limits from 12,000 requests before. Errors are tolerated up to
1 point more, or 5 where 10 % fail anyway. In parentheses, Clopper's and Pearson's interval at 95 %.

## A candidate as good as stable

How often it is taken back for no reason ({many} rollouts each):

{false_aborts}

How often somebody who stays at 1 % for an hour, and looks every second, is told at least once that it is worse ({some}
times each):

{peeking}

## A candidate worse by just the tolerance

How often its errors are called fine, in a rollout ({many} each); and within an hour at 1 % that goes on whatever is
said ({some} times each), where the bound of 5 % is nearly reached:

{false_fine}

## A candidate that is worse

How often it is taken back, and how many requests it got until half of all rollouts had gone back ({some} each):

{power}

The z-test is fast as whoever cries wolf is: see its first table. Flagger's rule takes five minutes for anything.

## What a step needs

Requests of the candidate until `fine`, if it is as good as stable: what `need about N more requests` says before the
first one. 500 requests are four minutes at 1 % of 200 a second, and one minute at 4 %.

{needed}

## The product itself

The tables above come from arrays of thousands of rollouts; a test holds that they bet as the product does. Here is the
same through `rollout.step`, look by look, with its check of the split:

{product}
"""


def page(numbers: Mapping[str, str]) -> str:
    """Filled in."""
    return TEMPLATE.format(**numbers)


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """In Markdown."""
    columns = list(header)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(share: float) -> str:
    """Two digits that count, and no more than whole percents above 10."""
    number = 100 * share
    return f"{number:.0f} %" if number >= 10 or number == 0 else f"{number:.2g} %"


def with_interval(share: float, low: float, high: float) -> str:
    """1.4 % (1.1 to 1.8)."""
    return f"{percent(share)} ({percent(low)[:-2]} to {percent(high)[:-2]})"


def minutes(seconds: float | None) -> str:
    """With a digit where it counts."""
    if seconds is None:
        return ""
    return f"{seconds / 60:.0f} min" if seconds >= 600 else f"{seconds / 60:.1f} min"


def number(value: float | None) -> str:
    """Whole, with commas; a dash of what never happened."""
    return "-" if value is None else f"{value:,.0f}"
