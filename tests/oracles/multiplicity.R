# Writes the reference numbers of adjustments for many tests beside this script:
#
#     Rscript tests/oracles/multiplicity.R
#
# Run with R 4.2.2, package stats only. The tests of omistats read the CSV file and need no R.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20110302)
exact <- function(x) ifelse(is.na(x), "", sprintf("%.17g", x))

# Families of one, with ties, with ones and zeros, with tests that were not made, far out, large.
families <- list(
  0.03,
  c(0.01, 0.01, 0.02, 0.02, 0.02),
  c(1, 1, 0.5, 0),
  c(0.04, NA, 0.01, NA, NA, 0.03),
  c(1e-300, 3e-299, 1e-12, 0.2),
  c(NA, 0.2),
  runif(75)^3,
  ifelse(runif(75) < 0.1, NA, runif(75)^2),
  round(runif(40), 2)
)
rows <- do.call(rbind, lapply(seq_along(families), function(i) {
  p <- families[[i]]
  data.frame(family = i, p = exact(p), bonferroni = exact(p.adjust(p, "bonferroni")),
             holm = exact(p.adjust(p, "holm")), bh = exact(p.adjust(p, "BH")))
}))
write.csv(rows, file.path(here, "p_adjust.csv"), row.names = FALSE, quote = FALSE)
