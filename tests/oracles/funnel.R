# Writes the reference numbers of funnels, heterogeneity and ranks beside this script:
#
#     Rscript tests/oracles/funnel.R path/to/FunnelPlotR path/to/PHEindicatormethods
#
# The two paths are unpacked sources: FunnelPlotR 0.6.0 (nhs-r-community/FunnelPlotR at
# 9020d4972873) and PHEindicatormethods 2.1.0 (ukhsa-collaboration at 093fd288d8f8), whose own
# functions are called. Run with R 4.2.2, metafor 3.8-1, survey 4.1-1. The data are random or
# the packages' own. The tests of omistats read the CSV files and need no R.

paths <- commandArgs(TRUE)
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20110301)
exact <- function(x) sprintf("%.17g", x)
listed <- function(x) paste(exact(x), collapse = " ")
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE)
}
source(file.path(paths[1], "R", "od_adjustment.R"))
source(file.path(paths[1], "R", "calculate_limits.R"))
phe <- new.env()
sys.source(file.path(paths[2], "R", "utils.R"), phe)

# Normal limits: sigma_adjustment of PHEindicatormethods, in percent and before clipping.
normal <- expand.grid(baseline = c(0.80642448, 0.5, 0.02, 0.985), n = c(1, 7, 10, 539, 2213, 110000))
for (p in c(0.975, 0.999)) for (side in c("low", "high")) {
  normal[[paste0(side, 100 * p)]] <- exact(with(normal,
    phe$sigma_adjustment(p, n, baseline, side, 100)))
}
normal$baseline <- exact(normal$baseline)
save(normal, "funnel_normal.csv")

# Overdispersion on the arcsine scale ("PR"), and its limits, as funnel_plot() computes them.
save(do.call(rbind, lapply(1:24, function(i) {
  units <- sample(c(2, 3, 5, 11, 15, 36), 1)
  n <- sample(30:400, units, TRUE)
  k <- rbinom(units, n, plogis(rnorm(units, 0.9, sample(c(0, 0.1, 0.5), 1))))
  target <- sum(k) / sum(n)
  made <- winsorisation(transformed_zscore(data.frame(numerator = k, denominator = n), "PR"), 0.1)
  phi <- phi_func(units, made$Wuzscore)
  tau2 <- tau_func(units, phi, made$s)
  rows <- order(n)
  plain <- calculate_limits(data.frame(number_seq = n[rows]), "PR", "SHMI", 1, 0, target, FALSE)
  wide <- calculate_limits(data.frame(number_seq = n[rows]), "PR", "SHMI", 1, tau2, target, TRUE)
  data.frame(k = listed(k[rows]), n = listed(n[rows]), z = listed(made$Uzscore[rows]),
             s = listed(made$s[rows]), winsorised = listed(made$Wuzscore[rows]),
             ratio = exact(phi), tau2 = exact(tau2),
             ll95 = listed(plain$ll95), ul998 = listed(plain$ul998),
             odll998 = listed(wide$odll998), odul95 = listed(wide$odul95))
})), "funnel_arcsine.csv")

# Cochran's Q, I squared and DerSimonian and Laird: rma of metafor, first on its BCG trials.
bcg <- metafor::escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = metadat::dat.bcg)
sets <- c(list(list(as.numeric(bcg$yi), sqrt(bcg$vi))), lapply(1:20, function(i) {
  units <- sample(c(2, 3, 8, 36), 1)
  se <- runif(units, 0.01, 0.06)
  list(rnorm(units, 0.7, se * sample(c(0.5, 1, 2), 1)), se)
}))
# Strata as units under a design: linearised standard errors of survey's own school data.
data(api, package = "survey")
design <- survey::svydesign(~1, strata = ~stype, weights = ~pw, data = apistrat)
by <- survey::svyby(~api.stu, ~stype, design, survey::svyratio, denominator = ~enroll, covmat = TRUE)
sets <- c(sets, list(list(as.numeric(coef(by)), as.numeric(survey::SE(by)))))
save(do.call(rbind, lapply(sets, function(s) {
  random <- metafor::rma(s[[1]], sei = s[[2]], method = "DL")
  common <- metafor::rma(s[[1]], sei = s[[2]], method = "FE")
  data.frame(estimate = listed(s[[1]]), se = listed(s[[2]]), statistic = exact(random$QE),
             p_value = exact(random$QEp), i_squared = exact(random$I2), tau2 = exact(random$tau2),
             mean = exact(as.numeric(common$beta)), mean_se = exact(common$se))
})), "funnel_heterogeneity.csv")
# The Wald statistic of equal strata, with the whole covariance of the estimates.
differ <- cbind(1, -diag(2))
gap <- differ %*% coef(by)
save(data.frame(wald = exact(drop(t(gap) %*% solve(differ %*% vcov(by) %*% t(differ), gap)))),
     "funnel_wald.csv")

# Ranks, 1 the highest: probabilities by numerical integration over the unit's own value, given
# which the number of higher units is a sum of independent indicators. And p.adjust's Holm over
# all ordered pairs.
chances <- function(e, s) t(sapply(seq_along(e), function(i) sapply(seq_along(e), function(r) {
  inner <- function(x) sapply(x, function(v) {
    spread <- 1
    for (p in pnorm(v, e[-i], s[-i], lower.tail = FALSE)) {
      spread <- c(spread * (1 - p), 0) + c(0, spread * p)
    }
    spread[r]
  }) * dnorm(x, e[i], s[i])
  integrate(inner, e[i] - 9 * s[i], e[i] + 9 * s[i], rel.tol = 1e-9, subdivisions = 500)$value
})))
save(do.call(rbind, lapply(c(2, 4, 6, 9), function(units) {
  e <- runif(units, 0.5, 0.8)
  s <- runif(units, 0.02, 0.06)
  data.frame(estimate = listed(e), se = listed(s), probability = listed(t(chances(e, s))))
})), "rank_probabilities.csv")
save(do.call(rbind, lapply(c(2, 3, 5, 9, 15, 36), function(units) {
  e <- runif(units, 0.5, 0.8)
  s <- runif(units, 0.01, 0.04)
  p <- pnorm(outer(e, e, "-") / sqrt(outer(s^2, s^2, "+")), lower.tail = FALSE)
  diag(p) <- NA
  p[] <- p.adjust(p, "holm")
  data.frame(estimate = listed(e), se = listed(s),
             low = listed(1 + colSums(p <= 0.05, na.rm = TRUE)),
             high = listed(units - rowSums(p <= 0.05, na.rm = TRUE)),
             p_value = listed(t(p)))
})), "rank_sets.csv")
