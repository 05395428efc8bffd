/**
 * What `npm test` runs of suites with many cases: those whose turn it is that day. SEED=n stands for another day;
 * BALLISTA_TEST_FULL=1 runs all.
 */

export const IS_FULL = process.env['BALLISTA_TEST_FULL'] === '1'

/** The day, of which each turn takes the next cases. */
export const DAY = Number(process.env['SEED'] ?? Math.floor(Date.now() / 86_400_000))

/** Whether case number `index` runs: one of `turns` neighbours a day, so that all of them have run after as many days. */
export const isTurn = (index: number, turns: number): boolean => IS_FULL || (index + DAY) % turns === 0
