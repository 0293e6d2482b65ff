# Writes the reference numbers of permutation tests beside this script:
#
#     Rscript tests/oracles/permutation.R
#
# Run with R 4.2.2 and coin 1.4-2. The tests of omistats read the CSV files and need no R.
# The cases are random and stand for nothing.

suppressMessages(library(coin))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20110303)
exact <- function(x) sprintf("%.17g", x)
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE, na = "")
}

n <- 90
cases <- data.frame(unit = sample(c("A", "B", "C"), n, TRUE, c(0.5, 0.3, 0.2)),
                    two = sample(c("a", "b"), n, TRUE, c(0.3, 0.7)),
                    three = sample(c("a", "b", "c"), n, TRUE))
trait <- rnorm(n) + (cases$unit == "B")
effect <- c(1.3, 0.8, 0, 0)
for (q in 1:4) cases[[paste0("q", q)]] <-
  as.integer(trait + effect[q] * (cases$two == "a") + rnorm(n) > 0)
# Applicable to some only, for statistics of single questions.
for (q in 1:4) cases[[paste0("s", q)]] <- ifelse(runif(n) < 0.6, cases[[paste0("q", q)]], NA)
save(cases, "permutation_cases.csv")
for (name in c("unit", "two", "three")) cases[[name]] <- factor(cases[[name]])

# The generalised Cochran-Mantel-Haenszel statistic of every question.
cmh <- do.call(rbind, lapply(c("two", "three"), function(by) do.call(rbind, lapply(
  c(paste0("q", 1:4), paste0("s", 1:4)), function(q) {
    d <- cases[!is.na(cases[[q]]), ]
    d$y <- factor(d[[q]])
    r <- cmh_test(table(d[[by]], d$y, d$unit))
    data.frame(breakdown = by, question = q, statistic = exact(statistic(r)),
               df = r@statistic@df, p_value = exact(pvalue(r)))
  }))))
save(cmh, "permutation_cmh.csv")

# Step-down max-T of four questions, all answered in every case: there coin's standardised
# statistics rank shuffles as chi-square does. Approximate, of 200,000 shuffles.
shuffled <- approximate(nresample = 200000)
down <- function(formula) as.vector(pvalue(
  independence_test(formula, data = cases, distribution = shuffled), method = "step-down"))
alone <- function(formula) as.vector(pvalue(
  independence_test(formula, data = cases, distribution = shuffled), method = "unadjusted"))
save(data.frame(question = paste0("q", 1:4),
                free_alone = alone(q1 + q2 + q3 + q4 ~ two),
                free = down(q1 + q2 + q3 + q4 ~ two),
                within_alone = alone(q1 + q2 + q3 + q4 ~ two | unit),
                within = down(q1 + q2 + q3 + q4 ~ two | unit)), "permutation_max_t.csv")
