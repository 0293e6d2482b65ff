# Writes the reference numbers of a sample beside its caseload, and of ages, beside this script:
#
#     Rscript tests/oracles/representativeness.R
#
# Run with R 4.2.2, survey 4.1.1 (svygofchisq), lubridate 1.9.2 (time_length) and R's own
# mantelhaen.test and fisher.test. The tests of omistats read the CSV files and need no R. The
# cases are simulated here and describe nobody.

suppressPackageStartupMessages({
  library(survey)
  library(lubridate)
})

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20111122)
exact <- function(x) sprintf("%.17g", x)
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE, na = "")
}

# A caseload in three units; more of the high are drawn, and more in small units.
rows <- 900
caseload <- data.frame(
  case_id = sprintf("c%03d", seq_len(rows)),
  unit = sort(sample(c("north", "south", "west"), rows, replace = TRUE, prob = c(5, 3, 2))),
  harm = sample(c("high", "not high"), rows, replace = TRUE, prob = c(1, 4)),
  synthetic = "simulated"
)
likely <- ifelse(caseload$harm == "high", 0.8, 0.5)
caseload$two <- ifelse(runif(rows) < likely, "a", "b")
caseload$three <- ifelse(runif(rows) < likely / 2, "a", sample(c("b", "c"), rows, replace = TRUE))
caseload$four <- sample(c("a", "b", "c", "d", NA), rows, replace = TRUE, prob = c(5, 3, 2, 1, 1))
cell <- paste(caseload$unit, caseload$harm)
drawn <- unlist(lapply(split(seq_len(rows), cell), function(at) {
  share <- if (caseload$harm[at[1]] == "high") 0.5 else 0.15
  if (caseload$unit[at[1]] == "west") share <- share * 1.5
  sample(at, max(2, round(share * length(at))))
}))
caseload$drawn <- as.integer(seq_len(rows) %in% drawn)
caseload$cell <- cell
caseload$population <- as.vector(table(cell)[cell])
sizes <- table(cell[caseload$drawn == 1])
caseload$weight <- caseload$population / as.vector(sizes[cell])
save(caseload, "representativeness_cases.csv")

cases <- caseload[caseload$drawn == 1, ]
designs <- list(
  weights = svydesign(~1, weights = ~weight, data = cases),
  cells = svydesign(~1, strata = ~cell, weights = ~weight, data = cases),
  finite = svydesign(~1, strata = ~cell, weights = ~weight, fpc = ~population, data = cases)
)
weighted <- list()
for (design in names(designs)) for (of in c("two", "three", "four")) {
  for (where in c("all", "north", "south", "west")) {
    whole <- caseload[where == "all" | caseload$unit == where, ]
    whole <- whole[!is.na(whole[[of]]), ]
    part <- designs[[design]]
    # Within subset a name is a column first, so that the unit wanted is called otherwise.
    part <- subset(part, !is.na(cases[[of]]) & (where == "all" | cases$unit == where))
    formula <- as.formula(paste("~", of))
    P <- as.vector(prop.table(table(whole[[of]])))
    # chisq.test warns of totals that are not whole numbers; they are not meant to be.
    found <- suppressWarnings(svygofchisq(formula, p = P, design = part))
    share <- coef(svymean(formula, part))
    weighted[[length(weighted) + 1]] <- data.frame(
      design, characteristic = of, unit = where, level = letters[seq_along(P)],
      caseload = exact(P), share = exact(as.vector(share)),
      printed = exact(unname(found$statistic)), scale = exact(unname(found$parameter["scale"])),
      statistic = exact(unname(found$statistic) / unname(found$parameter["scale"])),
      df = exact(unname(found$parameter["df"])), p_value = exact(as.vector(found$p.value))
    )
  }
}
save(do.call(rbind, weighted), "representativeness_weighted.csv")

# Drawn beside not drawn, within units: the same test of counts as goodness of fit with finite
# correction. In a single unit mantelhaen.test wants two strata, so that it is for all only.
plain <- do.call(rbind, lapply(c("harm", "two", "three", "four"), function(of) {
  found <- mantelhaen.test(table(caseload[[of]], caseload$drawn, caseload$unit), correct = FALSE)
  data.frame(
    characteristic = of, statistic = exact(unname(found$statistic)),
    df = unname(found$parameter), p_value = exact(found$p.value)
  )
}))
save(plain, "representativeness_within.csv")

exact_tests <- do.call(rbind, lapply(c("harm", "two"), function(of) {
  do.call(rbind, lapply(unique(caseload$unit), function(unit) {
    here <- caseload[caseload$unit == unit, ]
    found <- fisher.test(table(here[[of]], here$drawn))
    data.frame(characteristic = of, unit, p_value = exact(found$p.value))
  }))
}))
save(exact_tests, "representativeness_exact.csv")

# Completed years, with births around the leap days of two centuries.
days <- as.Date(c(
  "1900-02-28", "1900-03-01", "1948-02-29", "1959-12-31", "1960-01-01", "1980-02-28",
  "1980-02-29", "1980-03-01", "1984-02-29", "1991-06-15", "1992-02-29", "1992-03-01"
))
on <- as.Date(c("2009-02-28", "2009-03-01", "2010-06-14", "2010-06-15", "2012-02-28",
                "2012-02-29", "2012-03-01"))
ages <- expand.grid(born = days, at = on)
ages$years <- floor(time_length(interval(ages$born, ages$at), "years"))
save(ages, "ages.csv")
