# Writes the reference numbers of samples drawn from cells of a caseload:
#
#     Rscript tests/oracles/sampling.R
#
# Run with R 4.2.2 and survey 4.1.1. The tests of omistats read the CSV files and need no R. The
# caseload of sampling_caseload.csv is simulated here and describes nobody.

suppressPackageStartupMessages(library(survey))

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20110801)
exact <- function(x) sprintf("%.17g", as.vector(x))
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE, na = "")
}

# A caseload of two units in which one case in five is of high risk of harm, and does worse.
rows <- 1100
unit <- rep(c("north", "south"), c(700, 400))
risk_of_harm <- ifelse(runif(rows) < 0.2, "high", "not high")
gender <- ifelse(runif(rows) < ifelse(risk_of_harm == "high", 0.06, 0.16), "female", "male")
ethnicity <- ifelse(runif(rows) < ifelse(unit == "north", 0.10, 0.2), "BME", "white")
ethnicity[runif(rows) < 0.04] <- NA
of_case <- rnorm(rows, sd = 0.5)
answer <- function(level, applicable) {
  y <- rbinom(rows, 1, plogis(level + of_case - 1.2 * (risk_of_harm == "high")))
  ifelse(runif(rows) < applicable, y, NA)
}
caseload <- data.frame(
  case_id = sprintf("s%04d", seq_len(rows)), unit, risk_of_harm, gender, ethnicity,
  q0 = answer(1.2, 1), q1 = answer(0.2, 0.7), q2 = answer(0.8, 0.9), q3 = answer(1.5, 0.5)
)
known <- ifelse(is.na(ethnicity), "unknown", ethnicity)
caseload$cell <- paste(unit, risk_of_harm, gender, known, sep = " / ")

# Half of all high risk cases, one in six of the others, two of each cell if there are.
there <- table(caseload$cell)
wanted <- ceiling(there * ifelse(grepl("/ high /", names(there)), 1 / 2, 1 / 6))
wanted <- pmin(there, pmax(2, wanted))
drawn <- unlist(lapply(names(there), function(cell) {
  at <- which(caseload$cell == cell)
  at[sample.int(length(at), wanted[[cell]])]
}))
caseload$drawn <- as.integer(seq_len(rows) %in% drawn)
caseload$synthetic <- "simulated"
save(caseload, "sampling_caseload.csv")

cases <- caseload[caseload$drawn == 1, ]
cases$N <- as.vector(there[cases$cell])
# Without weights svydesign makes them of the population: they are N / n by its own arithmetic.
design <- svydesign(ids = ~1, strata = ~cell, fpc = ~N, data = cases)
cases$weight <- weights(design)
stopifnot(all.equal(sum(cases$weight), rows))
of_cell <- cases[!duplicated(cases$cell), c("cell", "N", "weight")]
of_cell$weight <- exact(of_cell$weight)
save(of_cell, "sampling_weights.csv")
design <- svydesign(ids = ~1, strata = ~cell, fpc = ~N, weights = ~weight, data = cases)

questions <- paste0("q", 0:3)
line <- function(domain, by, group, what, m) {
  data.frame(domain, by, group, what, estimate = exact(coef(m)), se = exact(SE(m)))
}
estimates <- NULL
for (domain in c("all", "north", "south")) {
  part <- if (domain == "all") design else subset(design, unit == domain)
  for (q in questions) {
    f <- as.formula(paste0("~", q))
    estimates <- rbind(estimates, line(domain, "", "", q, svymean(f, part, na.rm = TRUE)))
    for (by in c("gender", "risk_of_harm")) {
      m <- svyby(f, as.formula(paste0("~", by)), part, svymean, na.rm = TRUE)
      estimates <- rbind(estimates, line(domain, by, m[[by]], q, m))
    }
  }
  # The score of all questions is a ratio of what is sufficient to what is applicable.
  part <- update(part, k = rowSums(cbind(q0, q1, q2, q3), na.rm = TRUE),
                 n = rowSums(!is.na(cbind(q0, q1, q2, q3))))
  estimates <- rbind(estimates, line(domain, "", "", "score", svyratio(~k, ~n, part)))
  for (by in c("gender", "risk_of_harm")) {
    m <- svyby(~k, as.formula(paste0("~", by)), part, svyratio, denominator = ~n)
    estimates <- rbind(estimates, line(domain, by, m[[by]], "score", m))
  }
}
save(estimates, "sampling_estimates.csv")

# A table of the caseload raked to other margins: loglin adjusts `start` to the margins of the
# table that it is given, here one of independent rows and columns.
seed <- table(caseload$risk_of_harm, caseload$gender, known)
aim <- list(c(60, 100), c(22, 138), c(20, 6, 134))
fitted <- loglin(outer(outer(aim[[1]], aim[[2]]), aim[[3]]) / 160^2, list(1, 2, 3), seed,
                 fit = TRUE, eps = 1e-12, iter = 1000, print = FALSE)$fit
raked <- expand.grid(a = 0:1, b = 0:1, c = 0:2)
raked$seed <- as.vector(seed)
raked$fitted <- exact(fitted)
save(raked, "sampling_raked.csv")
