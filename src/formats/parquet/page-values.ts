/** The values of one page, brought into a form from which columns are filled piece by piece. */
import type { Column } from '../../arrow/batch.js'
import { kernels } from '../../arrow/memory.js'
import type { LeafForm } from './leaf-form.js'

/** Values from `at` on, none for NULL rows; `at` moves on as they are read. */
export type PageValues =
  /** The reader of the page's codes, and what they stand for. */
  | { readonly kind: 'codes'; readonly reader: number; readonly dictionary: Column }
  /** Numbers as the column has them. */
  | { readonly kind: 'fixed'; readonly width: number; at: number; readonly end: number }
  /** A u32 length and the bytes, each. */
  | { readonly kind: 'texts'; at: number; readonly end: number }
  /** `size` bytes each. */
  | { readonly kind: 'slots'; readonly size: number; at: number; readonly end: number }

interface ValueKernels {
  parquetNarrow(source: number, count: number, width: number, out: number): void
  parquetInt96(source: number, count: number, out: number): number
  parquetDecimals(source: number, size: number, count: number, out: number): number
  parquetDecimalTexts(source: number, end: number, out: number): number
  parquetCountTexts(source: number, end: number): number
  parquetBits(source: number, count: number, out: number): void
  scanWidenI32(values: number, count: number, out: number): void
  scanNarrowI128(values: number, count: number, out: number): number
}

/** What the bytes of a page are read with. */
export interface PageBytes {
  readonly form: LeafForm
  /** Bytes [at, end) of the arena: PLAIN values. */
  readonly at: number
  readonly end: number
  /** Memory that lives as long as the page. */
  readonly own: (byteLength: number) => number
  readonly invalid: (reason: string) => Error
}

/** PLAIN values. Whole pages are converted where the stored form is not the column's: it costs one pass over rare types. */
export function plainValues(page: PageBytes): PageValues {
  const { form, at, end, own, invalid } = page
  const fixed = (width: number, stored: number, convert: (count: number, out: number) => void): PageValues => {
    const count = Math.floor((end - at) / stored)
    const out = own(count * width)
    convert(count, out)
    return { kind: 'fixed', width, at: out, end: out + count * width }
  }
  const call = kernels<ValueKernels>()
  switch (form.kind) {
    case 'fixed':
      return { kind: 'fixed', width: form.width, at, end }
    case 'narrow':
      return fixed(form.width, 4, (count, out) => call.parquetNarrow(at, count, form.width, out))
    case 'widen':
      return fixed(8, 4, (count, out) => call.scanWidenI32(at, count, out))
    case 'int96':
      return fixed(8, 12, (count, out) => {
        if (call.parquetInt96(at, count, out) === 0)
          throw invalid('an INT96 timestamp outside the range of TIMESTAMP(ns)')
      })
    case 'bits': {
      const count = (end - at) * 8
      const out = own(count)
      call.parquetBits(at, count, out)
      return { kind: 'fixed', width: 1, at: out, end: out + count }
    }
    case 'texts':
      return { kind: 'texts', at, end }
    case 'slots':
      return { kind: 'slots', size: form.size, at, end }
    case 'decimals':
      return decimalValues(page, form.size)
  }
}

/** Width 8 if all values of the page fit, else 16. */
function decimalValues({ at, end, own, invalid }: PageBytes, size: number): PageValues {
  const call = kernels<ValueKernels>()
  const count = size > 0 ? Math.floor((end - at) / size) : call.parquetCountTexts(at, end)
  if (count < 0) throw invalid('a decimal that does not end with its page')
  const out = own(count * 16)
  const read = size > 0 ? call.parquetDecimals(at, size, count, out) : call.parquetDecimalTexts(at, end, out) + 1
  if (read === 0) throw invalid('a decimal of more than 128 bits')
  const width = call.scanNarrowI128(out, count, out) === 1 ? 8 : 16
  if (width === 8) return { kind: 'fixed', width, at: out, end: out + count * 8 }
  // The attempt has overwritten some of the values.
  if (size > 0) call.parquetDecimals(at, size, count, out)
  else call.parquetDecimalTexts(at, end, out)
  return { kind: 'fixed', width, at: out, end: out + count * 16 }
}
