/**
 * Excel workbooks by the package hucre, which is not installed with this one: `npm install hucre`.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import * as Workbooks from "../source/bytes/Workbooks.ts"
import * as WorkbookLibrary from "./WorkbookLibrary.ts"

/**
 * Reads a sheet of a workbook: of `.xlsx` and `.xlsm`. The package is loaded when the first one is read; where it is not
 * installed, that fails with `WorkbookUnreadable`, which says what to type. A sheet is held in memory as a whole, with 2 to
 * 4 KB a row of eight cells while it is read.
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Effect, Stream } from "effect"
 * import { CustomerFile, ReachSchema } from "effect-patchbay"
 * import { NodeWorkbooks } from "effect-patchbay/node"
 *
 * export const count = CustomerFile.read("customers.xlsx", ReachSchema.CustomerPatch, { sheet: "Customers" }).pipe(
 *   Stream.runCount,
 *   Effect.provide([NodeWorkbooks.layer, NodeServices.layer])
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.succeed(
  Workbooks.Workbooks,
  WorkbookLibrary.make(() => import("hucre/xlsx"))
)
