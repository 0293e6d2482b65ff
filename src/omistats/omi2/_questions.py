"""The 75 published key aspects: ids, labels of our own, criteria and headlines.

One line a question, in the order of the report's Tables 7-11, so that a
question's place here is its row there. Column by column: id, short label,
general criterion, rows among Tables 3-6.

A headline element is published (Table 4, 5 or 6 lists the question). The
criterion is mostly inferred: the report keeps its rows in the order of the
general criteria, and the second publication states what each criterion asks.
Where that statement is the question itself, the link is published; such
criteria are marked with ``!``.
"""

from __future__ import annotations

from typing import Final

QUESTIONS: Final = (
    ("psr_harm", "Harm analysed accurately in pre-sentence report", "1.1", ((3, 1),)),
    ("psr_reoffending", "Reoffending analysed accurately in pre-sentence report", "1.1", ((3, 2),)),
    ("psr_proposal", "Sentence proposal proportionate", "1.1", ((3, 3),)),
    ("psr_outline_plan", "Outline plan in pre-sentence report", "1.1", ((3, 4),)),
    ("rosh_correct", "Serious harm classified correctly", "1.2", ((4, 1),)),
    ("rosh_timely", "Full serious harm analysis on time", "1.2", ((3, 5),)),
    ("rosh_quality", "Full serious harm analysis good enough", "1.2", ((4, 2),)),
    ("harm_sources", "Harm assessment used all sources", "1.2", ((4, 3),)),
    ("rmp_timely", "Risk management plan on time", "1.2", ((3, 6),)),
    ("rmp_comprehensive", "Risk management plan comprehensive", "1.2", ((4, 4),)),
    ("rmp_actions", "Risk management plan shows how harm is addressed", "1.2", ((3, 7),)),
    ("rmp_shared", "Risk management plan shared", "1.2", ((4, 5),)),
    ("mappa_in_plans", "MAPPA actions carried into plans", "1.2", ((4, 6),)),
    ("harm_management", "Managers involved in harm planning", "1.2", ((4, 7),)),
    ("safeguarding_management", "Managers involved in child safeguarding", "1.2", ((4, 8),)),
    ("lor_assessment", "Likelihood of reoffending assessed well", "1.3", ((5, 1),)),
    ("plan_timely", "Sentence plan on time at the start", "1.3", ((3, 8),)),
    ("plan_informed", "Sentence plan built on assessments", "1.3", ((3, 9),)),
    ("plan_outcomes", "Plan objectives focused on outcomes", "1.3", ((3, 10),)),
    ("plan_roles", "Plan says who does what", "1.3", ((3, 11),)),
    ("plan_ppo", "Plan intensified for a prolific offender", "1.3", ((5, 2),)),
    ("methods_considered", "Most effective methods considered", "1.4", ((6, 1),)),
    ("plan_participation", "Offender took part in planning", "1.4", ((6, 2),)),
    ("skills_screening", "Basic skills screened at the start", "1.4", ((3, 12),)),
    ("skills_assessment", "Learning needs fully assessed in time", "1.4", ((3, 13),)),
    ("learning_plan", "Learning plan made", "1.4", ((3, 14),)),
    ("diversity_assessed", "Diversity and individual needs assessed", "1.4", ((6, 3),)),
    ("diversity_planned", "Plans reduce the effect of those needs", "1.4", ((6, 4),)),
    ("sentence_delivered", "Interventions delivered as sentenced", "2.1", ((3, 15),)),
    ("induction", "Full induction offered promptly", "2.1", ((6, 5),)),
    ("contact_frequency", "Contact frequent enough", "2.1", ((3, 16),)),
    ("resources_harm", "Resources matched to risk of harm", "2.1", ((4, 9),)),
    ("resources_purpose", "Resources matched to sentence purpose", "2.1", ((5, 3),)),
    ("communication", "Workers communicated well", "2.1", ((6, 6),)),
    ("compliance_action", "Compliance secured where needed", "2.1", ((6, 7),)),
    ("breach_action", "Breach or recall started whenever required", "2.1", ((3, 17),)),
    ("lor_review_timely", "Reoffending assessment reviewed on schedule", "2.1", ((3, 18),)),
    ("lor_review_change", "Reoffending assessment reviewed after change", "2.1", ((5, 4),)),
    ("harm_review_timely", "Harm assessment reviewed on schedule", "2.1", ((3, 19),)),
    ("harm_review_change", "Harm assessment reviewed after change", "2.1", ((3, 20), (4, 10))),
    ("plan_review_timely", "Sentence plan reviewed on schedule", "2.1", ((3, 21),)),
    ("plan_review_change", "Sentence plan reviewed after change", "2.1", ((3, 22),)),
    ("review_informed", "Plan reviews used reoffending reviews", "2.1", ((3, 23),)),
    ("review_participation", "Offender could take part in reviews", "2.1", ((6, 8),)),
    ("harm_change_action", "Changes in risk of harm acted on", "2.2", ((4, 11),)),
    ("mappa_effective", "MAPPA used effectively", "2.2", ((4, 12),)),
    ("ppo_contact", "More contact for a prolific offender", "2.2", ((5, 5),)),
    ("victim_safety", "Victim safety given priority", "2.2", ((4, 13),)),
    ("victim_offer", "Victim offered a meeting within 40 days", "2.2", ((4, 14),)),
    ("victim_exchange_vlo", "Information exchanged with victim liaison", "2.2", ((4, 15),)),
    ("victim_exchange_prison", "Victim information exchanged with prison", "2.2", ((4, 16),)),
    ("home_visit", "First home visit made, high risk cases", "2.2", ((4, 17),)),
    ("breach_harm", "Breach started where harm required it", "2.2", ((4, 18),)),
    ("reengagement", "Re-engaged with the plan after breach", "2.2", ((6, 9),)),
    ("structured_management", "Structured management, high risk cases", "2.2", ((4, 19),)),
    ("community_ties", "Community ties supported", "2.3", ((5, 6),)),
    ("learning_advice", "Advice given on learning", "2.3", ((3, 24),)),
    ("learning_delivery", "Learning needs met by interventions", "2.3", ((3, 25),)),
    ("practical_obstacles", "Practical obstacles and life skills worked on", "2.3", ((5, 7),)),
    ("responsibility", "Encouraged to take responsibility", "2.3", ((5, 8),)),
    ("victim_awareness", "Victim awareness work done", "2.3", ((3, 26),)),
    ("intervention_preparation", "Prepared well for interventions", "2.3", ((3, 27),)),
    ("skills_reinforced", "New skills reinforced", "2.3", ((3, 28),)),
    ("approved_premises", "Constructive work in approved premises", "2.3", ((5, 9),)),
    ("diversity_delivery", "Interventions fitted to diversity needs", "2.4", ((6, 10),)),
    ("manager_commitment", "Offender manager showed commitment", "2.4", ((6, 11),)),
    ("compliance_promoted", "Every effort made to promote compliance", "2.4", ((6, 12),)),
    ("complied", "Offender complied with the sentence", "3.1!", ((3, 29),)),
    ("enforced", "Sentence enforced when needed", "3.1!", ((3, 30),)),
    ("harm_minimised", "All reasonable action taken on harm", "3.2!", ((4, 20),)),
    ("lifestyle_change", "Lifestyle changed for the better", "3.3", ((5, 10),)),
    ("community_engagement", "Future community engagement encouraged", "3.3", ((5, 11),)),
    ("learning_progress", "Progress in learning and skills", "3.3", ((3, 31),)),
    ("attitude_change", "Attitudes changed for the better", "3.3", ((5, 12),)),
    ("behaviour_change", "Behaviour changed for the better", "3.3", ((5, 13),)),
)
"""``(id, label, criterion, ((table, row), ...))`` for each question."""
