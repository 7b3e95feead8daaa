"""Statistics of the gate: pure functions on counts and rewards.

Where to look: `suite_gate` (all tasks together), `next_step` (single cells, trials added where needed), `ratio_gate`
(time, memory, cost), `session_spread` (runs that differ as wholes), `smallest_visible_drop` (what a session can find),
and under them the tests and intervals they are made of. Importing this imports neither SciPy nor NumPy.
"""

from pytest_terminalbench.statistics.chance_in_words import could_have_seen, how_often, ruled_out, signed_points
from pytest_terminalbench.statistics.effect import (
    Effect,
    effect,
    effect_of_rewards,
)
from pytest_terminalbench.statistics.intervals import (
    Interval,
    clopper_pearson,
    cluster_bootstrap,
    newcombe,
    wilson,
)
from pytest_terminalbench.statistics.metric_names import metric_name, takes_more
from pytest_terminalbench.statistics.paired_tests import McNemar, SignFlip, mcnemar, paired_interval, sign_flip_test
from pytest_terminalbench.statistics.pass_at_k import pass_at_k, pass_hat_k
from pytest_terminalbench.statistics.permutation import PermutationResult, permutation_test, permutation_test_rewards
from pytest_terminalbench.statistics.planning import (
    MOST_ATTEMPTS,
    MOST_TASKS,
    TYPICAL_RATES,
    TYPICAL_WITHIN_TASK_VARIANCE,
    PlannedComparison,
    SolveRates,
    attempts_needed,
    chance_to_see,
    difference_standard_error,
    smallest_visible_drop,
    solve_rates,
    tasks_needed,
    with_room_to_spare,
    within_task_variance,
)
from pytest_terminalbench.statistics.rank_sum import rank_sum
from pytest_terminalbench.statistics.ratio_gate import (
    MAX_RATIO,
    Ratio,
    RatioVerdict,
    ratio_gate,
    ratio_interval,
)
from pytest_terminalbench.statistics.sequential import (
    Fine,
    Inconclusive,
    NeedsMore,
    Regressed,
    Step,
    Verdict,
    correction,
    correction_among,
    next_step,
)
from pytest_terminalbench.statistics.sequential_p_value import (
    SAME,
    Plan,
    is_unsteady,
    predictive_probability,
    regression_p,
)
from pytest_terminalbench.statistics.sequential_rewards import next_step_of_rewards
from pytest_terminalbench.statistics.session_spread import (
    SESSIONS_DIFFER_BELOW,
    ApprovedSessions,
    SessionLabels,
    SessionNoise,
    SessionScore,
    SessionSpread,
    approved_sessions,
    session_spread,
)
from pytest_terminalbench.statistics.sessions_in_words import sessions_in_words
from pytest_terminalbench.statistics.suite_gate import SuiteVerdict, could_have_lost, could_not_see, suite_gate
from pytest_terminalbench.statistics.suite_settings import SuiteSettings
from pytest_terminalbench.statistics.tallies import Pair, Tally, is_counted, score_name

__all__ = [
    "MAX_RATIO",
    "MOST_ATTEMPTS",
    "MOST_TASKS",
    "SAME",
    "SESSIONS_DIFFER_BELOW",
    "TYPICAL_RATES",
    "TYPICAL_WITHIN_TASK_VARIANCE",
    "ApprovedSessions",
    "Effect",
    "Fine",
    "Inconclusive",
    "Interval",
    "McNemar",
    "NeedsMore",
    "Pair",
    "PermutationResult",
    "Plan",
    "PlannedComparison",
    "Ratio",
    "RatioVerdict",
    "Regressed",
    "SessionLabels",
    "SessionNoise",
    "SessionScore",
    "SessionSpread",
    "SignFlip",
    "SolveRates",
    "Step",
    "SuiteSettings",
    "SuiteVerdict",
    "Tally",
    "Verdict",
    "approved_sessions",
    "attempts_needed",
    "chance_to_see",
    "clopper_pearson",
    "cluster_bootstrap",
    "correction",
    "correction_among",
    "could_have_lost",
    "could_have_seen",
    "could_not_see",
    "difference_standard_error",
    "effect",
    "effect_of_rewards",
    "how_often",
    "is_counted",
    "is_unsteady",
    "mcnemar",
    "metric_name",
    "newcombe",
    "next_step",
    "next_step_of_rewards",
    "paired_interval",
    "pass_at_k",
    "pass_hat_k",
    "permutation_test",
    "permutation_test_rewards",
    "predictive_probability",
    "rank_sum",
    "ratio_gate",
    "ratio_interval",
    "regression_p",
    "ruled_out",
    "score_name",
    "session_spread",
    "sessions_in_words",
    "sign_flip_test",
    "signed_points",
    "smallest_visible_drop",
    "solve_rates",
    "suite_gate",
    "takes_more",
    "tasks_needed",
    "wilson",
    "with_room_to_spare",
    "within_task_variance",
]
