/**
 * How much one answer says about the share of requests that are refused, as the logarithm of a likelihood ratio. The sum
 * over answers is Wald's sequential test: at `h` the odds are e^h, and no test needs fewer answers for that.
 *
 * What it takes to tell two shares apart: where `many` is true, an answer adds on average the Kullback-Leibler
 * divergence `many × log(many / few) + (1 - many) × log((1 - many) / (1 - few))`. To tell 1 % from 0.1 % with odds of
 * e^3.5 takes 3.5 / 0.014 = 250 answers, to tell 20 % from 2 % takes 12, to tell a half from 1 % takes 2.
 */

/** For a share of `many` (positive), against one of `few` (negative). */
export const weigh = (refused: boolean, few: number, many: number): number =>
  refused ? Math.log(many / few) : Math.log((1 - many) / (1 - few))
