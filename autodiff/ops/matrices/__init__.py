"""Linear algebra: decompositions, determinants and solutions, functions of matrices. ``autodiff.linalg`` has the names.

Derivatives are right wherever they exist, at equal eigenvalues and for singular matrices too; where they depend on an
arbitrary choice of vectors they raise ``LinAlgError``.
"""
