/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What two readings tell together: differences and rates. Pure arithmetic.
 *
 * A counter that went backwards was restarted (the cgroup was made anew under
 * the same path): what it holds now is what was counted since. A figure that
 * either reading lacks has no rate.
 */
#ifndef EP_MODEL_DERIVE_H
#define EP_MODEL_DERIVE_H

#include "model/metrics.h"

/* now - before; `now` when the counter was restarted. */
uint64_t derive_delta(uint64_t before, uint64_t now);

/* Fills *ret from the readings and the real distance between them, however many
 * readings were missed. before NULL (first sight) or interval_ns 0: no rates.
 * Quantiles are absent when nothing waited; one that falls in the open last
 * bucket is reported as that bucket's lower bound. */
void derive_rates(const struct metrics *before, const struct metrics *now, uint64_t interval_ns,
		  struct rates *ret);

/* Off-CPU time of struct ep_cpu_slot at now_ns, from sums over all CPUs. A
 * reading that catches a task between two CPUs' slots can come out below zero:
 * that is 0. */
uint64_t derive_offcpu_ns(uint64_t acc_sum_ns, uint64_t tasks_sum, uint64_t now_ns);

#endif
