/** The rule by which two engines' answers are called equal. */
import test from 'ava'
import { compareRows, type Cell, type Rows } from '../../tpch/compare.js'

const text = (value: string): Cell => ({ kind: 'text', text: value })
const exact = (value: string): Cell => ({ kind: 'exact', text: value })
const double = (number: number): Cell => ({ kind: 'approximate', number })

interface Case {
  readonly title: string
  readonly ours: Rows
  readonly theirs: Rows
  /** `same order`, `other order`, or the difference. */
  readonly result: string
}

const CASES: readonly Case[] = [
  { title: 'no rows', ours: [], theirs: [], result: 'same order' },
  { title: 'a missing row', ours: [], theirs: [[exact('1')]], result: '0 rows, expected 1' },
  { title: 'a missing column', ours: [[]], theirs: [[exact('1')]], result: 'row 0 has 0 columns, expected 1' },
  { title: 'trailing zeros are the same number', ours: [[exact('1.50')]], theirs: [[exact('1.5')]], result: 'same order' },
  { title: 'zeros of a whole number count', ours: [[exact('10')]], theirs: [[exact('1')]], result: 'row 0, column 0: 10, expected 1' },
  { title: 'minus zero', ours: [[exact('-0.00')]], theirs: [[exact('0')]], result: 'same order' },
  { title: 'exact numbers differ in the last digit', ours: [[exact('1.51')]], theirs: [[exact('1.5')]], result: 'row 0, column 0: 1.51, expected 1.5' },
  { title: 'text is exact', ours: [[text('a ')]], theirs: [[text('a')]], result: 'row 0, column 0: a , expected a' },
  { title: 'text is not a number', ours: [[text('1')]], theirs: [[exact('1')]], result: 'row 0, column 0: 1, expected 1' },
  { title: 'NULL equals NULL', ours: [[null]], theirs: [[null]], result: 'same order' },
  { title: 'NULL is not zero', ours: [[null]], theirs: [[exact('0')]], result: 'row 0, column 0: NULL, expected 0' },
  { title: 'NULL is not the empty text', ours: [[text('')]], theirs: [[null]], result: 'row 0, column 0: , expected NULL' },
  { title: 'doubles within 1e-9', ours: [[double(1e6 + 1e-4)]], theirs: [[double(1e6)]], result: 'same order' },
  { title: 'doubles beyond 1e-9', ours: [[double(1e6 + 1e-2)]], theirs: [[double(1e6)]], result: 'row 0, column 0: 1000000.01, expected 1000000' },
  { title: 'NaN equals NaN', ours: [[double(NaN)]], theirs: [[double(NaN)]], result: 'same order' },
  { title: 'NaN is no number', ours: [[double(NaN)]], theirs: [[double(0)]], result: 'row 0, column 0: NaN, expected 0' },
  { title: 'a decimal average within a unit of its last place', ours: [[exact('25.522005')]], theirs: [[double(25.5220058)]], result: 'same order' },
  { title: 'a decimal average two units off', ours: [[exact('25.522005')]], theirs: [[double(25.522007)]], result: 'row 0, column 0: 25.522005, expected 25.522007' },
  { title: 'a whole number has no last place', ours: [[exact('25')]], theirs: [[double(25.5)]], result: 'row 0, column 0: 25, expected 25.5' },
  { title: 'another order', ours: [[exact('1')], [exact('2')]], theirs: [[exact('2')], [exact('1')]], result: 'other order' },
  { title: 'another order of nearly equal doubles', ours: [[double(2.0000000001), text('b')], [double(1), text('a')]], theirs: [[double(1), text('a')], [double(2), text('b')]], result: 'other order' },
  { title: 'a multiset: how often counts', ours: [[exact('1')], [exact('1')], [exact('2')]], theirs: [[exact('1')], [exact('2')], [exact('2')]], result: 'row 1, column 0: 1, expected 2' },
] // oxfmt-ignore

for (const { title, ours, theirs, result } of CASES) {
  test(title, t => {
    const comparison = compareRows(ours, theirs)
    if (comparison.equal) t.is(comparison.sameOrder ? 'same order' : 'other order', result)
    else t.is(comparison.difference, result)
  })
}
