# Writes the reference numbers of chi-square tests and Wilson intervals beside this script:
#
#     Rscript tests/oracles/tests_and_intervals.R
#
# Run with R 4.2.2, package stats only. The tests of omistats read the CSV files and need no R.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
options(scipen = 20)
set.seed(20110301)
exact <- function(x) sprintf("%.17g", x)
save <- function(frame, name) {
  write.csv(frame, file.path(here, name), row.names = FALSE, quote = FALSE)
}

# Two groups: prop.test without continuity correction is Pearson's chi-square.
n1 <- c(209, 20, 1, 4000, 2213, 100000, sample(2:1500, 60, TRUE))
n2 <- c(851, 30, 5, 4000, 2213, 100000, sample(2:1500, 60, TRUE))
k1 <- c(182, 14, 1, 3900, 2000, 60000, rbinom(60, n1[-(1:6)], runif(60)))
k2 <- c(581, 9, 0, 100, 100, 40000, rbinom(60, n2[-(1:6)], runif(60)))
ok <- k1 + k2 > 0 & k1 + k2 < n1 + n2
two <- data.frame(k1, n1, k2, n2)[ok, ]
results <- lapply(seq_len(nrow(two)), function(i) with(two[i, ], suppressWarnings(
  prop.test(c(k1, k2), c(n1, n2), correct = FALSE))))
two$statistic <- exact(sapply(results, function(r) r$statistic))
two$p_value <- exact(sapply(results, function(r) r$p.value))
# The logarithm reaches where the p-value itself underflows.
two$log_p <- exact(pchisq(sapply(results, function(r) r$statistic), 1, lower.tail = FALSE, log.p = TRUE))
save(two, "prop_test_two.csv")

# Several groups: chisq.test on sufficient and not sufficient.
several <- do.call(rbind, lapply(1:40, function(i) {
  groups <- sample(3:7, 1)
  n <- sample(1:400, groups, TRUE)
  k <- rbinom(groups, n, runif(1, 0.1, 0.9) + runif(groups, -0.1, 0.1))
  if (sum(k) == 0 || sum(k) == sum(n)) return(NULL)
  r <- suppressWarnings(chisq.test(cbind(k, n - k), correct = FALSE))
  data.frame(k = paste(k, collapse = " "), n = paste(n, collapse = " "),
             statistic = exact(r$statistic), df = unname(r$parameter), p_value = exact(r$p.value))
}))
save(several, "chisq_test_several.csv")

# The upper tail of chi-square, from near 1 to below the smallest double.
tail <- expand.grid(x = c(1e-12, 1e-6, 0.001, 0.1, 1, 3.8414588206941254, 6.6348966010212145,
                          10.827566170662733, 30, 100, 300, 700, 1000, 1370, 1400),
                    df = c(1, 2, 3, 4, 6, 10, 35))
tail$log_p <- exact(pchisq(tail$x, tail$df, lower.tail = FALSE, log.p = TRUE))
tail$x <- exact(tail$x)
save(tail, "pchisq_tail.csv")

# One proportion: the interval of prop.test without continuity correction is Wilson's.
n <- c(263, 148, 20, 29, 100, 1, 1, 2213, 1000000, sample(1:1500, 60, TRUE))
k <- c(81, 15, 0, 1, 65, 0, 1, 2213, 1, rbinom(60, n[-(1:9)], runif(60)))
wilson <- expand.grid(i = seq_along(n), confidence = c(0.8, 0.9, 0.95, 0.99, 0.998))
wilson <- data.frame(k = k[wilson$i], n = n[wilson$i], confidence = wilson$confidence)
limits <- sapply(seq_len(nrow(wilson)), function(i) with(wilson[i, ], suppressWarnings(
  prop.test(k, n, conf.level = confidence, correct = FALSE)$conf.int)))
wilson$low <- exact(limits[1, ])
wilson$high <- exact(limits[2, ])
save(wilson, "prop_test_wilson.csv")
