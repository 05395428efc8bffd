/** Pages in delta encodings and split streams, turned into PLAIN pages. */
import { bytesInUse, kernels } from '../../arrow/memory.js'
import { fail } from '../../common/errors.js'
import type { LeafForm } from './leaf-form.js'
import { ENCODING } from './page-header.js'
import type { PageBytes } from './page-values.js'

interface DeltaKernels {
  parquetDelta(source: number, end: number, width: number, count: number, out: number): number
  parquetDeltaCount(source: number, end: number): number
  parquetDeltaTexts(lengths: number, count: number, source: number, end: number, out: number): number
  parquetJoinStreams(source: number, width: number, count: number, out: number): void
  parquetPrefixedSize(prefixes: number, suffixes: number, count: number): number
  parquetPrefixedTexts(
    prefixes: number,
    suffixes: number,
    count: number,
    source: number,
    end: number,
    hasLengths: number,
    size: number,
    out: number,
  ): number
}

/** A page of at most `valueCount` values, and the bytes of one stored value. */
export interface EncodedPage extends PageBytes {
  readonly valueCount: number
  /** 0: values have a length each. */
  readonly storedWidth: number
}

/** Where the same values lie PLAIN; undefined if the encoding is not one of these, or not one for such values. */
export function plainBytes(page: EncodedPage, encoding: number): Pick<PageBytes, 'at' | 'end'> | undefined {
  const { form, storedWidth } = page
  switch (encoding) {
    case ENCODING.deltaBinaryPacked:
      return isInteger(form, storedWidth) ? deltaIntegers(page) : undefined
    case ENCODING.deltaLengthByteArray:
      return storedWidth === 0 ? deltaTexts(page) : undefined
    case ENCODING.deltaByteArray:
      return isBytes(form) ? prefixedTexts(page) : undefined
    case ENCODING.byteStreamSplit:
      return storedWidth > 0 ? joinedStreams(page) : undefined
  }
  return undefined
}

const isBytes = ({ kind }: LeafForm): boolean => kind === 'texts' || kind === 'slots' || kind === 'decimals'

const isInteger = (form: LeafForm, storedWidth: number): boolean =>
  (storedWidth === 4 || storedWidth === 8) && !isBytes(form)

/** Numbers in delta form from `at` on, as integers, and where they end. */
function integers(page: EncodedPage, at: number, width: number): { position: number; count: number; end: number } {
  const { end, own, invalid, valueCount } = page
  const { parquetDelta, parquetDeltaCount } = kernels<DeltaKernels>()
  const count = parquetDeltaCount(at, end)
  if (count < 0 || count > valueCount) throw invalid('delta-encoded numbers of an impossible count')
  const position = own(count * width)
  const next = parquetDelta(at, end, width, count, position) >>> 0
  if (next === 0) throw invalid('delta-encoded numbers that end early')
  return { position, count, end: next }
}

function deltaIntegers(page: EncodedPage): Pick<PageBytes, 'at' | 'end'> {
  const { position, count } = integers(page, page.at, page.storedWidth)
  return { at: position, end: position + count * page.storedWidth }
}

function deltaTexts(page: EncodedPage): Pick<PageBytes, 'at' | 'end'> {
  const lengths = integers(page, page.at, 4)
  const out = page.own(lengths.count * 4 + page.end - lengths.end)
  const { parquetDeltaTexts } = kernels<DeltaKernels>()
  const used = parquetDeltaTexts(lengths.position, lengths.count, lengths.end, page.end, out)
  if (used < 0) throw page.invalid('a page that ends before its values')
  return { at: out, end: out + used }
}

/** Offsets of text are i32. */
const MAX_BYTES = 2 ** 31 - 1

function prefixedTexts(page: EncodedPage): Pick<PageBytes, 'at' | 'end'> {
  const { invalid, own, storedWidth } = page
  const prefixes = integers(page, page.at, 4)
  const suffixes = integers(page, prefixes.end, 4)
  if (prefixes.count !== suffixes.count) throw invalid('prefixes and suffixes of different counts')
  const { parquetPrefixedSize, parquetPrefixedTexts } = kernels<DeltaKernels>()
  const size = parquetPrefixedSize(prefixes.position, suffixes.position, prefixes.count)
  if (size < 0) throw invalid('a prefix that is longer than the text before')
  if (size > MAX_BYTES) throw fail('ARENA_EXHAUSTED', [size, bytesInUse()])
  const out = own(size)
  const used = parquetPrefixedTexts(
    prefixes.position,
    suffixes.position,
    prefixes.count,
    suffixes.end,
    page.end,
    storedWidth === 0 ? 1 : 0,
    storedWidth,
    out,
  )
  if (used < 0) throw invalid('a page that ends before its values')
  return { at: out, end: out + used }
}

function joinedStreams({ at, end, own, storedWidth }: EncodedPage): Pick<PageBytes, 'at' | 'end'> {
  const count = Math.floor((end - at) / storedWidth)
  const out = own(count * storedWidth)
  kernels<DeltaKernels>().parquetJoinStreams(at, storedWidth, count, out)
  return { at: out, end: out + count * storedWidth }
}
