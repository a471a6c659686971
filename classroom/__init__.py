"""What a lecturer needs: master notebooks in ``source``, and the program that hands out, grades and returns them."""
