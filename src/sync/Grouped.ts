/**
 * Counts as people read them.
 *
 * @since 0.1.0
 */

/**
 * A count with its thousands grouped: `1,234,567`. Not by a formatter of the module's own, because making one takes as long
 * as loading some thirty modules.
 *
 * @category formatting
 * @since 0.1.0
 */
export const grouped = (count: number): string => count.toLocaleString("en-US", { maximumFractionDigits: 0 })
