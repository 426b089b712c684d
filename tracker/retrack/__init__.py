"""One object followed forwards and backwards from a box that a person drew."""
