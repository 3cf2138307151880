"""Streamlit: a script with a slider and a chart that runs anew for every change."""
import numpy as np
import pandas as pd
import streamlit as st

from planted import leak

leak()
rows = st.slider("rows", 10, 5000, 500)
table = pd.DataFrame({"value": np.random.randn(rows).cumsum()})
st.line_chart(table)
st.dataframe(table.describe())
