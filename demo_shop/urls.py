"""Addresses of the shop's pages."""

from __future__ import annotations

from django.urls import path

from demo_shop.views import account, cart, catalogue, checkout, mailbox, service

app_name = "demo_shop"

urlpatterns = [
    path("", catalogue.home, name="home"),
    path("favicon.ico", catalogue.favicon, name="favicon"),
    path("shop/<slug:slug>/", catalogue.category, name="category"),
    path("product/<slug:slug>/", catalogue.product, name="product"),
    path("search/", catalogue.search, name="search"),
    path("cart/", cart.cart, name="cart"),
    path("cart/add/<int:pk>/", cart.add, name="cart_add"),
    path("cart/change/<int:pk>/", cart.change, name="cart_change"),
    path("cart/remove/<int:pk>/", cart.remove, name="cart_remove"),
    path("cart/restore/<str:token>/", cart.restore, name="restore_cart"),
    path("checkout/", checkout.checkout, name="checkout"),
    path("orders/<str:number>/", checkout.order, name="order"),
    path("orders/<str:number>/payment/", checkout.payment, name="payment"),
    path("orders/<str:number>/pay/", checkout.pay, name="pay"),
    path("orders/<str:number>/thanks/", checkout.thanks, name="thanks"),
    path("order-link/<str:token>/", checkout.order_link, name="order_link"),
    path("account/", account.account, name="account"),
    path("account/sign-up/", account.sign_up, name="sign_up"),
    path("account/log-in/", account.LogIn.as_view(), name="login"),
    path("account/log-out/", account.LogOut.as_view(), name="logout"),
    path("account/password/", account.ForgotPassword.as_view(), name="password_forgotten"),
    path("account/password/<uidb64>/<token>/", account.NewPassword.as_view(), name="password_new"),
    path("newsletter/", service.newsletter, name="newsletter"),
    path("newsletter/confirm/<str:token>/", service.newsletter_confirm, name="newsletter_confirm"),
    path("contact/", service.enquiry, name="enquiry"),
    path("delivery/", service.delivery_terms, name="delivery"),
    path("prices.csv", service.price_list, name="price_list"),
    path("mailbox/", mailbox.mailbox, name="mailbox"),
    path("mailbox/<int:pk>/", mailbox.letter, name="letter"),
    path("mailbox/<int:pk>/html/", mailbox.letter_html, name="letter_html"),
]
