"""One object followed forwards and backwards from a box that a person drew.

`job` is what others use: `Retrack` looks at frame after frame and gives the rows, `MaskRetrack` in `masks` does the
same for masks. `run` follows in one direction of time; `choice` decides between two runs that disagree; `blend` makes
the rows; `types` says what goes in and comes out.
"""
